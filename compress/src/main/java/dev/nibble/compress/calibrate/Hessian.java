package dev.nibble.compress.calibrate;

import dev.nibble.models.Torch;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Second moments of a site's inputs: {@code H = (2/n) Σ XᵀX} over {@code n} sequences, the Hessian
 * of {@code ‖(W - Q)Xᵀ‖²} for every row of W (Frantar et al. 2023, eq. 2; sheet 12b, step 2). A
 * batch's product is computed in fp32, the sum is kept in fp64, {@code 8 inputs²} bytes of native
 * memory in the enclosing scope of {@link Torch}. Two of them merge by adding. Not thread-safe.
 */
public final class Hessian implements AutoCloseable {
  private final int inputs;
  private final Tensor sum;
  private long sequences;
  private long tokens;

  /** No inputs seen yet. */
  public Hessian(int inputs) {
    this.inputs = inputs;
    this.sum =
        Torch.scope(() -> Torch.empty(ScalarType.Double, inputs, inputs).fill_(new Scalar(0.0)));
  }

  /** {@code XᵀX} of inputs {@code [batch, seq, in]}: a new fp32 tensor {@code [in, in]}. */
  public static Tensor product(Tensor input) {
    return Torch.noGrad(
        () -> {
          Tensor rows = input.detach().reshape(-1, input.size(-1)).to(ScalarType.Float);
          return rows.t().mm(rows);
        });
  }

  /**
   * {@code Xᵀ diag(w) X}, the product in which each input vector counts w times.
   *
   * @param weights {@code [batch · seq]}, not negative; where all are 1 the result is that of
   *     {@link #product(Tensor)}, bit for bit
   */
  public static Tensor product(Tensor input, float[] weights) {
    return Torch.noGrad(
        () -> {
          Tensor factor = Torch.fromFloats(weights, weights.length, 1).sqrt();
          return product(input.detach().reshape(-1, input.size(-1)).mul(factor));
        });
  }

  /**
   * Adds a batch.
   *
   * @param product of {@link #product}
   * @return false, and nothing is added, when the product has a NaN or infinity
   */
  public boolean add(Tensor product, long batchSequences, long batchTokens) {
    boolean finite = Torch.scope(() -> torch.isfinite(product).all().item_bool());
    if (finite) {
      Torch.run(() -> sum.add_(product));
      sequences += batchSequences;
      tokens += batchTokens;
    }
    return finite;
  }

  /** Adds what another one has seen. */
  public void merge(Hessian other) {
    Torch.run(() -> sum.add_(other.sum));
    sequences += other.sequences;
    tokens += other.tokens;
  }

  /** Width of the inputs. */
  public int inputs() {
    return inputs;
  }

  /** Input vectors seen. */
  public long tokens() {
    return tokens;
  }

  /** H, fp64 {@code [in, in]}, symmetric; zeros when nothing was seen. A new tensor. */
  public Tensor matrix() {
    return Torch.noGrad(() -> sum.mul(new Scalar(sequences == 0 ? 0.0 : 2.0 / sequences)));
  }

  @Override
  public void close() {
    sum.close();
  }
}

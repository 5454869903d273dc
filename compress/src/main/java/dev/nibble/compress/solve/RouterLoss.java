package dev.nibble.compress.solve;

import dev.nibble.core.model.MoeConfig;
import dev.nibble.models.Torch;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How far a rounded router is from the original on the same inputs (EAQuant, section 3.2). With
 * {@code p} and {@code p̂} the softmax over all experts of the original's and the rounded one's
 * logits, and I the {@code m} largest of the original's for each token: {@code KL-Top = mean over
 * tokens of Σ_{i∈I} p_i (ln p_i - ln p̂_i)}; p is not normalised over I. Holds native memory until
 * closed; safe from several threads.
 */
final class RouterLoss implements AutoCloseable {
  private final Tensor inputs;
  private final Tensor logits;
  private final Tensor logP;
  private final Tensor top;
  private final Tensor chosen;

  /**
   * @param inputs {@code [tokens, in]}, fp32; the caller's
   * @param weight {@code [experts, in]}, fp32
   * @param share a of {@code m = k + ⌊a (n - k)⌋}
   */
  RouterLoss(Tensor inputs, Tensor weight, MoeConfig moe, double share) {
    this.inputs = inputs;
    int m = moe.topK() + (int) Math.floor(share * (moe.experts() - moe.topK()));
    this.logits = Torch.owned(() -> torch.linear(inputs, weight).to(ScalarType.Double));
    this.logP = Torch.owned(() -> torch.log_softmax(logits, -1));
    this.top = Torch.owned(() -> torch.topk(logits, m).get1().clone());
    this.chosen = Torch.owned(() -> sorted(torch.topk(logits, moe.topK()).get1()));
  }

  /** KL-Top of a router with these weights. */
  double klTop(Tensor weight) {
    double[] out = new double[1];
    Torch.noGrad(
        () -> {
          Tensor found = torch.log_softmax(rounded(weight), -1).gather(-1, top);
          Tensor expected = logP.gather(-1, top);
          Tensor terms = expected.exp().mul(expected.sub(found));
          out[0] = terms.sum().item_double() / inputs.size(0);
          return null;
        });
    return out[0];
  }

  /** {@code ‖x w_r - x ŵ_r‖²} for each expert r. */
  double[] byRow(Tensor weight) {
    Tensor sums =
        Torch.noGrad(() -> rounded(weight).sub(logits).square().sum(new long[] {0}, false, null));
    try (sums) {
      return Torch.toDoubles(sums);
    }
  }

  /** Inputs that it looks at. */
  long tokens() {
    return inputs.size(0);
  }

  /** {@code ‖x (W - Ŵ)ᵀ‖² / ‖x Wᵀ‖²}. */
  double relative(Tensor weight) {
    double[] out = new double[1];
    Torch.noGrad(
        () -> {
          out[0] =
              Objective.ratio(
                  rounded(weight).sub(logits).square().sum().item_double(),
                  logits.square().sum().item_double());
          return null;
        });
    return out[0];
  }

  /** Share of tokens for which exactly the same experts are chosen. */
  double agreement(Tensor weight) {
    double[] out = new double[1];
    Torch.noGrad(
        () -> {
          Tensor found = sorted(torch.topk(rounded(weight), chosen.size(1)).get1());
          Tensor same = found.eq(chosen).all(-1);
          out[0] = same.to(ScalarType.Double).mean().item_double();
          return null;
        });
    return out[0];
  }

  private Tensor rounded(Tensor weight) {
    return torch.linear(inputs, weight).to(ScalarType.Double);
  }

  private static Tensor sorted(Tensor indices) {
    return torch.sort(indices, -1, false).get0().clone();
  }

  @Override
  public void close() {
    logits.close();
    logP.close();
    top.close();
    chosen.close();
  }
}

package dev.nibble.models;

import dev.nibble.core.op.ActivationQuant;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * {@link ActivationQuant} on tensors: quantizes and dequantizes with the same arithmetic as {@link
 * ActivationQuant#fakeQuantize}. Rounding passes gradients straight through (Bengio et al. 2013);
 * everything else is differentiated, dynamic scales and clamps included: an input that stretches
 * the grid of its token gets the gradient of the noise that this costs. One dynamic scale "per
 * tensor" spans one sequence, so that results do not depend on the batch.
 */
public final class FakeQuant {
  private FakeQuant() {}

  /** Fake-quantized {@code x [batch, seq, columns]}, a new tensor. */
  public static Tensor apply(ActivationQuant quant, Tensor x) {
    return Torch.scope(() -> quantize(quant, x));
  }

  /**
   * Rounded to nearest, ties to even, with the gradient of {@code x} itself; the values are exactly
   * the rounded ones.
   */
  public static Tensor round(Tensor x) {
    return Torch.scope(() -> straightThrough(x, x.detach().round()));
  }

  /** Exactly the values of {@code hard}, with the gradient of {@code soft}, which is finite. */
  public static Tensor straightThrough(Tensor soft, Tensor hard) {
    // soft - soft.detach() is an exact zero with the gradient of soft
    return Torch.scope(
        () -> soft.requires_grad() ? hard.add(soft.sub(soft.detach())) : hard.alias());
  }

  private static Tensor quantize(ActivationQuant quant, Tensor x) {
    return switch (quant.granularity()) {
      case TENSOR -> {
        Tensor flat = x.reshape(x.size(0), -1);
        yield spans(quant, flat).reshape(Torch.shape(x));
      }
      case TOKEN -> spans(quant, x);
      case GROUP -> groups(quant, x);
    };
  }

  private static Tensor groups(ActivationQuant quant, Tensor x) {
    long columns = x.size(-1);
    long group = quant.groupSize();
    long whole = columns / group * group;
    if (whole == 0) {
      return spans(quant, x);
    }
    Tensor body = x.narrow(-1, 0, whole);
    Tensor split = spans(quant, body.reshape(-1, group));
    Tensor joined = split.reshape(Torch.shape(body));
    return whole == columns
        ? joined
        : torch.cat(
            new TensorVector(joined, spans(quant, x.narrow(-1, whole, columns - whole))), -1);
  }

  /** One scale per vector of the last axis. */
  private static Tensor spans(ActivationQuant quant, Tensor x) {
    Scalar zero = new Scalar(0f);
    long[] last = {-1};
    Tensor high = x.amax(last, true).clamp_min(zero);
    Tensor low = x.amin(last, true).clamp_max(zero);
    int top = quant.symmetric() ? (1 << (quant.bits() - 1)) - 1 : (1 << quant.bits()) - 1;
    Tensor range = quant.symmetric() ? torch.maximum(low.neg(), high) : high.sub(low);
    Tensor scale =
        quant.isStatic()
            ? torch.full_like(range, new Scalar(quant.staticScale()))
            : range.mul(new Scalar(quant.clipRatio())).div(new Scalar((float) top));
    Tensor empty = scale.eq(zero);
    Tensor divisor = scale.masked_fill(empty, new Scalar(1f));
    Tensor codes = round(x.div(divisor));
    Tensor values;
    if (quant.symmetric()) {
      values = codes.clamp(limit(-top), limit(top)).mul(divisor);
    } else {
      Tensor offset =
          quant.isStatic()
              ? torch.full_like(range, new Scalar((float) quant.staticZero()))
              : round(low.neg().mul(new Scalar(quant.clipRatio())).div(divisor));
      values = codes.add(offset).clamp(limit(0), limit(top)).sub(offset).mul(divisor);
    }
    return torch.where(empty, x, values);
  }

  private static ScalarOptional limit(int value) {
    return new ScalarOptional(new Scalar((float) value));
  }
}

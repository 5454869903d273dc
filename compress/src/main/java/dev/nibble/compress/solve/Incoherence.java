package dev.nibble.compress.solve;

import dev.nibble.core.op.OnlineTransform;
import dev.nibble.models.OnlineTransforms;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * Incoherence processing of a linear (QuIP, Chee et al. 2023, algorithms 2 and 3; sheet 08a, steps
 * 1, 2 and 7): {@code W → U W D Vᵀ}, {@code H → V D⁻¹ H D⁻¹ Vᵀ}, and at run time {@code y = Uᵀ (Ŵ
 * (V D⁻¹ x))}.
 *
 * @param inputs {@code V D⁻¹}, as transforms of the input, in order
 * @param outputs {@code Uᵀ}, as transforms of the output, in order
 */
record Incoherence(List<OnlineTransform> inputs, List<OnlineTransform> outputs) {
  private static final double SMALLEST = 1e-8;

  /** Largest ratio of two factors of the rescaling: keeps half precision far from its ends. */
  private static final double WIDEST = 1e4;

  /** Nothing is changed. */
  static final Incoherence NONE = new Incoherence(List.of(), List.of());

  /** Copies the lists. */
  Incoherence {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
  }

  /**
   * The diagonal rescaling: {@code D_j = (H_jj / (WᵀW)_jj)^¼}, which balances what a column weighs
   * in the error with what it weighs in the grid. The result is D⁻¹, each a value of half
   * precision, about 1 in the middle.
   *
   * @param w fp64 {@code [outputs, inputs]}
   * @param hessian fp64 {@code [inputs, inputs]}
   */
  static OnlineTransform.Scaling rescaling(Tensor w, Tensor hessian) {
    double[] power = Torch.scope(() -> Torch.toDoubles(hessian.diagonal()));
    double[] norm = Torch.scope(() -> Torch.toDoubles(w.square().sum(0)));
    double top = 0;
    for (double p : power) {
      top = Math.max(top, p);
    }
    double[] inverse = new double[power.length];
    double mean = 0;
    for (int j = 0; j < inverse.length; j++) {
      double h = Math.max(top == 0 ? 0 : power[j] / top, SMALLEST);
      inverse[j] = Math.pow(h / Math.max(norm[j], SMALLEST), -0.25);
      mean += Math.log(inverse[j]) / inverse.length;
    }
    double middle = Math.exp(mean);
    float[] factor = new float[inverse.length];
    for (int j = 0; j < factor.length; j++) {
      double f = Math.clamp(inverse[j] / middle, 1 / WIDEST, WIDEST);
      factor[j] = Float.float16ToFloat(Float.floatToFloat16((float) f));
    }
    return new OnlineTransform.Scaling(factor);
  }

  /** {@code U W D Vᵀ}, fp64; a new tensor. */
  Tensor weight(Tensor w) {
    return Torch.scope(
        () -> {
          Tensor out = w;
          for (OnlineTransform t : inputs) {
            out = t instanceof OnlineTransform.Scaling s ? unscaled(out, s) : apply(t, out);
          }
          Tensor columns = out.t().contiguous();
          for (OnlineTransform t : outputs.reversed()) {
            columns = OnlineTransforms.applyTransposed(t, columns);
          }
          return columns.t().contiguous();
        });
  }

  /** {@code V D⁻¹ H D⁻¹ Vᵀ}, fp64; a new tensor. */
  Tensor hessian(Tensor h) {
    return Torch.scope(
        () -> {
          Tensor out = h;
          for (OnlineTransform t : inputs) {
            out = apply(t, apply(t, out).t().contiguous());
          }
          return out.add(out.t()).mul(new Scalar(0.5));
        });
  }

  /** The weight of the untransformed input, {@code Uᵀ Ŵ V D⁻¹}; a new tensor. */
  Tensor undone(Tensor w) {
    return Torch.scope(
        () -> {
          Tensor columns = w.t().contiguous();
          for (OnlineTransform t : outputs) {
            columns = apply(t, columns);
          }
          Tensor out = columns.t().contiguous();
          for (OnlineTransform t : new ArrayList<>(inputs).reversed()) {
            out = OnlineTransforms.applyTransposed(t, out);
          }
          return out.contiguous();
        });
  }

  private static Tensor apply(OnlineTransform transform, Tensor x) {
    return OnlineTransforms.apply(transform, x);
  }

  private static Tensor unscaled(Tensor x, OnlineTransform.Scaling scaling) {
    return x.div(Torch.fromFloats(scaling.factor(), scaling.factor().length).to(x.scalar_type()));
  }
}

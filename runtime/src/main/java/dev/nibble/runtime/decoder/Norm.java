package dev.nibble.runtime.decoder;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.kernel.VectorMath;

/**
 * RMSNorm or LayerNorm of the last axis.
 *
 * @param kind formula
 * @param eps added to the mean square or variance
 * @param weight {@code [width]} or null for 1
 * @param bias {@code [width]} or null for 0
 */
record Norm(ModelConfig.Norm kind, float eps, float[] weight, float[] bias) {

  /** One row; {@code out} may be {@code x}. */
  void apply(float[] x, int offset, float[] out, int outOffset, int width) {
    float mean = kind == ModelConfig.Norm.LAYER ? VectorMath.sum(x, offset, width) / width : 0f;
    float variance = VectorMath.squares(x, offset, width, mean) / width;
    float scale = (float) (1.0 / Math.sqrt(variance + eps));
    for (int i = 0; i < width; i++) {
      out[outOffset + i] = (x[offset + i] - mean) * scale;
    }
    if (weight != null) {
      VectorMath.times(out, outOffset, weight, 0, width);
    }
    if (bias != null) {
      VectorMath.plus(out, outOffset, bias, 0, width);
    }
  }
}

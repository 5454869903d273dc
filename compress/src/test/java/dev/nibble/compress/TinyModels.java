package dev.nibble.compress;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.RopeConfig;
import java.util.List;

/** Configurations of models that run in milliseconds. */
public final class TinyModels {
  private TinyModels() {}

  /** A Llama-shaped model. */
  public static ModelConfig llama(int vocabulary, int hidden, int ffn, int layers) {
    return new ModelConfig(
        "llama",
        vocabulary,
        hidden,
        layers,
        2,
        1,
        hidden / 2,
        ffn,
        128,
        ModelConfig.Norm.RMS,
        1e-5,
        ModelConfig.Activation.SILU,
        true,
        ModelConfig.Positions.ROPE,
        0,
        RopeConfig.plain(10000, hidden / 2),
        ModelConfig.Residual.SEQUENTIAL,
        false,
        false,
        false,
        false,
        false,
        true,
        false,
        false,
        0,
        hidden,
        "float32",
        -1,
        List.of());
  }
}

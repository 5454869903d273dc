package dev.nibble.compress.testing;

import dev.nibble.core.model.EncoderConfig;
import dev.nibble.core.model.EncoderConfig.Head;
import dev.nibble.core.model.EncoderConfig.Pooling;
import dev.nibble.core.model.LocalAttention;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Activation;
import dev.nibble.core.model.ModelConfig.Norm;
import dev.nibble.core.model.ModelConfig.Positions;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.Scalars;
import java.util.List;

/** Configurations of encoders; {@link TinyFamilies#weights} makes weights for them. */
public final class TinyEncoders {
  private TinyEncoders() {}

  /** BERT with a head. */
  public static ModelConfig bert(Head head) {
    return encoder("bert", 32, head);
  }

  /** ELECTRA, whose tables are narrower than its blocks. */
  public static ModelConfig electra(Head head) {
    return encoder("electra", 20, head);
  }

  private static ModelConfig encoder(String family, int embeddingSize, Head head) {
    boolean predicts = head == Head.MASKED_LM;
    return new ModelConfig(
        family,
        61,
        32,
        2,
        4,
        4,
        8,
        64,
        48,
        Norm.LAYER,
        1e-12,
        Activation.GELU,
        false,
        Positions.LEARNED,
        0,
        RopeConfig.plain(10000, 8),
        Residual.POST_NORM,
        true,
        true,
        true,
        false,
        true,
        false,
        predicts,
        predicts,
        0,
        embeddingSize,
        "float32",
        -1,
        List.of(),
        Scalars.USUAL,
        LocalAttention.NONE,
        new EncoderConfig(2, head, Activation.GELU, head == Head.CLASSIFIER ? 3 : 0, Pooling.MEAN),
        MoeConfig.NONE);
  }
}

package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.testing.TinyEncoders;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.model.EncoderConfig.Head;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.models.ResidentModel;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Encoders have no norm to fold a scale into. */
class SmoothEncodersTest {

  @ParameterizedTest
  @ValueSource(doubles = {0.5, Double.NaN})
  void theScaleStaysAtRunTimeAndTheOutputsAsTheyWere(double alpha) {
    for (ModelConfig config :
        List.of(TinyEncoders.bert(Head.MASKED_LM), TinyEncoders.electra(Head.CLASSIFIER))) {
      InMemoryWeights weights = TinyFamilies.weights(config, 3);
      int[][] tokens = TinyFamilies.tokens(config, 3, 9, 4);
      float[] expected = TransformContract.logits(weights, tokens);
      RecordedEvents events = new RecordedEvents();
      try (ResidentModel smoothed =
          new TinyRun(weights, tokens, events, 2)
              .apply(new SmoothQuant(new SmoothOptions(alpha, 64)))) {
        assertThat(events.of("smoothquant.rolled-back")).isEmpty();
        assertThat(events.of("smoothquant.scale")).hasSize(4);
        TransformContract.assertClose(expected, TransformContract.logits(smoothed, tokens), 1e-4f);
        assertThat(smoothed.snapshot().siteOps())
            .containsOnlyKeys(
                "model.layers.0.self_attn.q_proj",
                "model.layers.0.self_attn.k_proj",
                "model.layers.0.self_attn.v_proj",
                "model.layers.0.mlp.up_proj",
                "model.layers.1.self_attn.q_proj",
                "model.layers.1.self_attn.k_proj",
                "model.layers.1.self_attn.v_proj",
                "model.layers.1.mlp.up_proj");
      }
    }
  }
}

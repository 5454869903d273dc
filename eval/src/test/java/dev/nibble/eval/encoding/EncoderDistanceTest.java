package dev.nibble.eval.encoding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.Encoder;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.testing.EncoderFixtures;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.TextEncoder;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EncoderDistanceTest {
  private static final int MASK = 4;

  private static TextEncoder open(String name) {
    return TextEncoder.of(
        OpenedModel.open(EncoderFixtures.of(name).directory()).weights(), RuntimeOptions.DEFAULT);
  }

  private static List<int[]> texts(int count) {
    SplittableRandom random = new SplittableRandom(1);
    List<int[]> out = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      out.add(random.ints(3 + random.nextInt(10), 0, 64).toArray());
    }
    return out;
  }

  private static EncoderDistanceResult measure(Encoder p, Encoder q, int count) {
    return EncoderDistance.measure(p, q, texts(count), MASK, "random", Progress.SILENT);
  }

  @ParameterizedTest
  @ValueSource(strings = {"bert", "bert-masked-lm", "electra-classifier"})
  void aModelIsNoDistanceFromItself(String name) {
    try (TextEncoder p = open(name);
        TextEncoder q = open(name)) {
      EncoderDistanceResult r = measure(p, q, 20);
      assertThat(r.texts()).isEqualTo(20);
      assertThat(r.cosine().value()).isCloseTo(1, Offset.offset(1e-6));
      assertThat(r.cosineMin()).isCloseTo(1, Offset.offset(1e-6));
      assertThat(r.nearest().value()).isEqualTo(1);
      assertThat(r.neighbours().value()).isEqualTo(1);
      if (name.equals("bert")) {
        assertThat(r.positions()).isZero();
        assertThat(r.kld().value()).isNaN();
      } else {
        assertThat(r.positions()).isGreaterThanOrEqualTo(20);
        assertThat(r.kld().value()).isCloseTo(0, Offset.offset(1e-9));
        assertThat(r.top1().value()).isEqualTo(1);
      }
    }
  }

  /** Vectors turned by a fixed angle keep every neighbour and lose cosine alike. */
  @Test
  void aCommonTurnCostsCosineButNoNeighbour() {
    double angle = 0.3;
    try (TextEncoder p = open("bert");
        Encoder q = new Turned(open("bert"), angle)) {
      EncoderDistanceResult r = measure(p, q, 30);
      assertThat(r.nearest().value()).isEqualTo(1);
      assertThat(r.neighbours().value()).isEqualTo(1);
      assertThat(r.cosine().value()).isBetween(Math.cos(angle), 0.9999);
      assertThat(r.cosineMin()).isGreaterThanOrEqualTo(Math.cos(angle) - 1e-6);
    }
  }

  @Test
  void unlikeModelsAndTooFewTextsAreRefused() {
    try (TextEncoder p = open("bert");
        TextEncoder q = open("bert-masked-lm")) {
      assertThatThrownBy(() -> measure(p, q, 5))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("cannot be compared");
      assertThatThrownBy(() -> measure(p, p, 1))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("at least 2 texts");
    }
  }

  /** Turns every vector in the plane of its first two dimensions. */
  private record Turned(Encoder inner, double angle) implements Encoder {
    @Override
    public ModelConfig config() {
      return inner.config();
    }

    @Override
    public float[] hidden(int[] tokens) {
      float[] rows = inner.hidden(tokens);
      for (int at = 0; at < rows.length; at += config().hiddenSize()) {
        double x = rows[at];
        double y = rows[at + 1];
        rows[at] = (float) (x * Math.cos(angle) - y * Math.sin(angle));
        rows[at + 1] = (float) (x * Math.sin(angle) + y * Math.cos(angle));
      }
      return rows;
    }

    @Override
    public float[] head(int[] tokens) {
      return inner.head(tokens);
    }

    @Override
    public void close() {
      inner.close();
    }
  }
}

package dev.nibble.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.Encoder;
import dev.nibble.core.model.EncoderConfig.Pooling;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.testing.EncoderFixtures;
import dev.nibble.core.testing.EncoderFixtures.Fixture;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.core.testing.SharedData;
import dev.nibble.io.model.OpenedModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TextEncoderTest {

  static List<Fixture> fixtures() {
    return EncoderFixtures.all();
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void vectorsAndHeadEqualTheReference(Fixture fixture) {
    for (int threads : new int[] {1, 3}) {
      try (Encoder encoder =
          TextEncoder.of(
              OpenedModel.open(fixture.directory()).weights(),
              RuntimeOptions.DEFAULT.withThreads(threads))) {
        fixture.assertSame(encoder);
      }
    }
  }

  @Test
  void aTextsVectorIsTheMeanOfItsTokensWithLengthOne() {
    Fixture fixture = EncoderFixtures.of("bert");
    int[] text = fixture.texts().getFirst();
    try (Encoder encoder =
        TextEncoder.of(OpenedModel.open(fixture.directory()).weights(), RuntimeOptions.DEFAULT)) {
      float[] rows = encoder.hidden(text);
      float[] vector = encoder.embed(text);
      int width = vector.length;
      double norm = 0;
      double along = 0;
      double mean = 0;
      for (int i = 0; i < width; i++) {
        double sum = 0;
        for (int t = 0; t < text.length; t++) {
          sum += rows[t * width + i];
        }
        norm += vector[i] * vector[i];
        along += sum * vector[i];
        mean += sum * sum;
      }
      assertThat(norm).isCloseTo(1, Offset.offset(1e-6));
      assertThat(along).isCloseTo(Math.sqrt(mean), Offset.offset(1e-4));
    }
  }

  /** A real sentence encoder, from text to vector. */
  @Test
  void miniLmGivesTheVectorsOfTheReference() throws IOException {
    Path model = SharedData.path("models/all-minilm-l6-v2-fp16");
    Path reference = SharedData.repositoryRoot().resolve("models/src/test/resources/minilm");
    FloatBuffer expected =
        ByteBuffer.wrap(Files.readAllBytes(reference.resolve("vectors.f32")))
            .order(ByteOrder.LITTLE_ENDIAN)
            .asFloatBuffer();
    try (TextEncoder encoder = TextEncoder.load(model, RuntimeOptions.DEFAULT)) {
      for (String text : Files.readAllLines(reference.resolve("texts.txt"))) {
        for (float value : encoder.embed(text)) {
          assertThat(value).as(text).isCloseTo(expected.get(), Offset.offset(1e-4f));
        }
      }
      assertThat(expected.hasRemaining()).isFalse();
    }
  }

  @Test
  void longTextsAreCutBeforeTheirLastToken() {
    assertThat(TextEncoder.cut(new int[] {1, 2, 3, 4, 9}, 3)).containsExactly(1, 2, 9);
    assertThat(TextEncoder.cut(new int[] {1, 9}, 3)).containsExactly(1, 9);
  }

  @Test
  void encodersWriteNoText() {
    OpenedModel bert = OpenedModel.open(EncoderFixtures.of("bert").directory());
    assertThatThrownBy(() -> TextModel.of(bert.weights(), RuntimeOptions.DEFAULT))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("embed");
    bert.close();
  }

  static List<FamilyFixtures.Fixture> families() {
    return FamilyFixtures.all();
  }

  /** The head makes the reference's logits of a decoder's vectors, in whatever chunks. */
  @ParameterizedTest
  @MethodSource("families")
  void decodersGiveWhatTheirHeadReads(FamilyFixtures.Fixture fixture) {
    float[] expected = fixture.logits();
    RuntimeOptions options = RuntimeOptions.DEFAULT.withChunk(7);
    OpenedModel opened = OpenedModel.open(fixture.directory());
    ModelConfig config = opened.weights().config();
    int[] tokens = fixture.tokens();
    if (tokens.length > config.maxPositions()) {
      opened.close();
      return; // vectors are of texts that the model was trained to read
    }
    try (Encoder encoder = TextEncoder.of(opened.weights(), options)) {
      float[] rows = encoder.hidden(tokens);
      int width = rows.length / tokens.length;
      String head = config.tiedHead() ? TensorNames.EMBEDDING : TensorNames.HEAD;
      float[] w = opened.weights().tensor(TensorNames.weight(head)).toFloats();
      float[] bias =
          config.headBias()
              ? opened.weights().tensor(TensorNames.bias(TensorNames.HEAD)).toFloats()
              : new float[config.vocabSize()];
      double cap = config.scalars().logitCap();
      for (int t = 0; t < tokens.length; t++) {
        for (int v = 0; v < config.vocabSize(); v++) {
          double logit = bias[v];
          for (int i = 0; i < width; i++) {
            logit += (double) rows[t * width + i] * w[v * width + i];
          }
          double capped = cap > 0 ? cap * Math.tanh(logit / cap) : logit;
          assertThat(capped).isCloseTo(expected[t * config.vocabSize() + v], Offset.offset(1e-4));
        }
      }
    }
  }

  @Test
  void waysOfPooling() {
    FamilyFixtures.Fixture fixture = FamilyFixtures.of("llama");
    int[] text = {3, 1, 4};
    try (Encoder encoder =
        TextEncoder.of(OpenedModel.open(fixture.directory()).weights(), RuntimeOptions.DEFAULT)) {
      float[] rows = encoder.hidden(text);
      assertThat(encoder.embed(text)).containsExactly(encoder.embed(text, Pooling.LAST));
      double[][] weights = {{1, 1, 1}, {1, 0, 0}, {0, 0, 1}, {1, 2, 3}};
      Pooling[] ways = {Pooling.MEAN, Pooling.FIRST, Pooling.LAST, Pooling.WEIGHTED_MEAN};
      for (int way = 0; way < ways.length; way++) {
        float[] vector = encoder.embed(text, ways[way]);
        double size = 0;
        double along = 0;
        double norm = 0;
        for (int i = 0; i < vector.length; i++) {
          double sum = 0;
          for (int t = 0; t < text.length; t++) {
            sum += weights[way][t] * rows[t * vector.length + i];
          }
          size += sum * sum;
          along += sum * vector[i];
          norm += (double) vector[i] * vector[i];
        }
        assertThat(norm).isCloseTo(1, Offset.offset(1e-6));
        assertThat(along).isCloseTo(Math.sqrt(size), Offset.offset(1e-5));
      }
    }
  }
}

package dev.nibble.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.model.Encoder;
import dev.nibble.core.testing.EncoderFixtures;
import dev.nibble.core.testing.EncoderFixtures.Fixture;
import dev.nibble.io.model.OpenedModel;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every encoder gives the vectors of the reference implementation, alone and in a padded batch. */
class EncoderParityTest {

  static List<Fixture> fixtures() {
    return EncoderFixtures.all();
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void vectorsAndHeadEqualTheReference(Fixture fixture) {
    try (OpenedModel model = OpenedModel.open(fixture.directory());
        Encoder encoder = new TorchEncoder(DecoderModel.open(model.weights()).loadAll())) {
      fixture.assertSame(encoder);
    }
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void paddingIsNotSeen(Fixture fixture) {
    List<int[]> texts = fixture.texts();
    int[] shorter = texts.get(1);
    int[] padded = Arrays.copyOf(shorter, texts.get(0).length);
    Arrays.fill(padded, shorter.length, padded.length, 9);
    BlockContext lengths = new BlockContext(null, List.of(texts.get(0).length, shorter.length));
    try (OpenedModel opened = OpenedModel.open(fixture.directory());
        ResidentModel model = DecoderModel.open(opened.weights()).loadAll()) {
      Tensor batch = model.hidden(Torch.tokens(texts.get(0), padded), lengths);
      float[] all = Torch.toFloats(batch);
      batch.close();
      int width = model.config().hiddenSize();
      int first = texts.get(0).length * width;
      float[] expected = fixture.hidden();
      int count = first + shorter.length * width;
      assertThat(Arrays.copyOf(all, count))
          .usingComparatorWithPrecision(1e-4f)
          .containsExactly(Arrays.copyOf(expected, count));
    }
  }
}

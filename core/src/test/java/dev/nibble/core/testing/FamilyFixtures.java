package dev.nibble.core.testing;

import dev.nibble.core.model.LanguageModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * The tiny models of every decoder family with reference logits, in {@code
 * models/src/test/resources/families}; its README says what they are.
 */
public final class FamilyFixtures {
  private FamilyFixtures() {}

  /** One model directory and what it must compute. */
  public record Fixture(Path directory) {

    /** Token ids of the reference run. */
    public int[] tokens() {
      try {
        String text = Files.readString(directory.resolve("tokens.txt")).strip();
        return Arrays.stream(text.split("\\s+")).mapToInt(Integer::parseInt).toArray();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Reference logits, row-major {@code [tokens, vocab]}. */
    public float[] logits() {
      try {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(directory.resolve("logits.f32")));
        float[] out = new float[bytes.remaining() / Float.BYTES];
        bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(out);
        return out;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /**
     * Largest absolute difference of the model's logits to the reference over all positions; NaN
     * when the model gives one.
     */
    public float worstDifference(LanguageModel model) {
      float[] expected = logits();
      int vocab = model.vocabSize();
      float[] worst = new float[1];
      model.logits(
          tokens(),
          0,
          (position, row, offset) -> {
            for (int i = 0; i < vocab; i++) {
              float difference = Math.abs(row[offset + i] - expected[position * vocab + i]);
              // max keeps a NaN.
              worst[0] = Math.max(worst[0], difference);
            }
          });
      return worst[0];
    }

    @Override
    public String toString() {
      return directory.getFileName().toString();
    }
  }

  /** Directory of all fixtures. */
  public static Path root() {
    return SharedData.repositoryRoot().resolve("models/src/test/resources/families");
  }

  /** The fixture of that name. */
  public static Fixture of(String name) {
    return new Fixture(root().resolve(name));
  }

  /** All fixtures by name. */
  public static List<Fixture> all() {
    try (Stream<Path> entries = Files.list(root())) {
      return entries.filter(Files::isDirectory).sorted().map(Fixture::new).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

package dev.nibble.core.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.model.Encoder;
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
 * The tiny encoders with reference outputs in {@code models/src/test/resources/encoders}; its
 * README says what they are.
 */
public final class EncoderFixtures {
  private EncoderFixtures() {}

  /** One model directory and what it must compute. */
  public record Fixture(Path directory) {

    /** Texts of the reference run, as token ids. */
    public List<int[]> texts() {
      try {
        return Files.readAllLines(directory.resolve("tokens.txt")).stream()
            .map(line -> Arrays.stream(line.split(" ")).mapToInt(Integer::parseInt).toArray())
            .toList();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Vectors of the last block, text after text, row-major {@code [tokens, hidden]}. */
    public float[] hidden() {
      return floats("hidden.f32");
    }

    /** True when there are reference outputs of a head. */
    public boolean hasHead() {
      return Files.exists(directory.resolve("head.f32"));
    }

    private float[] floats(String name) {
      try {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(directory.resolve(name)));
        float[] out = new float[bytes.remaining() / Float.BYTES];
        bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(out);
        return out;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Asserts that vectors and head outputs of all texts are the reference's, within 1e-4. */
    public void assertSame(Encoder encoder) {
      float[] hidden = hidden();
      float[] head = hasHead() ? floats("head.f32") : new float[0];
      int hiddenAt = 0;
      int headAt = 0;
      for (int[] text : texts()) {
        hiddenAt += same(encoder.hidden(text), hidden, hiddenAt, "vectors");
        if (hasHead()) {
          headAt += same(encoder.head(text), head, headAt, "head");
        }
      }
      assertThat(hiddenAt).isEqualTo(hidden.length);
      assertThat(headAt).isEqualTo(head.length);
    }

    private static int same(float[] found, float[] expected, int from, String what) {
      float worst = 0;
      for (int i = 0; i < found.length; i++) {
        // max keeps a NaN
        worst = Math.max(worst, Math.abs(found[i] - expected[from + i]));
      }
      assertThat(worst).as(what).isLessThanOrEqualTo(1e-4f);
      return found.length;
    }

    @Override
    public String toString() {
      return directory.getFileName().toString();
    }
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

  private static Path root() {
    return SharedData.repositoryRoot().resolve("models/src/test/resources/encoders");
  }
}

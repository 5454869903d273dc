package dev.nibble.core.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.NibbleException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HadamardTest {
  /** {@code H·Hᵀ = n·I} exactly, for every order up to 400 that claims to be supported. */
  @Test
  void rowsAreOrthogonalInIntegers() {
    int found = 0;
    for (int n = 1; n <= 400; n++) {
      if (Hadamard.supported(n)) {
        requireHadamard(n);
        found++;
      }
    }
    // all multiples of 4 but those without a Paley base, plus 1 and 2
    assertThat(found).isGreaterThan(75);
  }

  @ParameterizedTest
  @ValueSource(ints = {576, 608, 688, 1376})
  void widthsOfModelsAreOrthogonal(int n) {
    requireHadamard(n);
  }

  private static void requireHadamard(int n) {
    Hadamard h = Hadamard.of(n);
    byte[] sign = new byte[n * n];
    for (int i = 0; i < n * n; i++) {
      sign[i] = (byte) h.sign(i / n, i % n);
      if (Math.abs(sign[i]) != 1) {
        throw new AssertionError("order " + n + " has the entry " + sign[i]);
      }
    }
    for (int r = 0; r < n; r++) {
      for (int s = 0; s <= r; s++) {
        int dot = 0;
        for (int c = 0; c < n; c++) {
          dot += sign[r * n + c] * sign[s * n + c];
        }
        if (dot != (r == s ? n : 0)) {
          throw new AssertionError("order " + n + ": rows " + r + ", " + s + " give " + dot);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1,1",
    "64,1",
    "12,12",
    "20,20",
    "28,28",
    "36,36",
    "40,20",
    "52,52",
    "60,60",
    "108,108",
    "140,140",
    "576,36",
    "896,28",
    "1376,344",
    "4864,76",
    "11008,344",
    "14336,28",
    "18944,148"
  })
  void ordersThatModelsUseAreSupported(int n, int base) {
    assertThat(Hadamard.of(n).baseOrder()).isEqualTo(base);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -4, 3, 6, 30, 92, 172})
  void unknownOrdersNameTheFallback(int n) {
    assertThat(Hadamard.supported(n)).isFalse();
    assertThatThrownBy(() -> Hadamard.of(n))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("order " + n)
        .hasMessageContaining(n > 0 ? "blocks of " + Hadamard.powerOfTwoBlock(n) : "positive");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 8, 12, 24, 28, 36, 40, 104, 140, 512, 576})
  void fastEqualsDenseAndTheTransposeUndoesIt(int n) {
    Hadamard h = Hadamard.of(n);
    double[] dense = h.dense();
    Random random = new Random(n);
    double[] x = random.doubles(n + 3, -1, 1).toArray();
    double[] y = x.clone();
    h.transform(y, 2);
    for (int r = 0; r < n; r++) {
      double expected = 0;
      for (int c = 0; c < n; c++) {
        expected += dense[r * n + c] * x[2 + c];
      }
      assertThat(y[2 + r]).isCloseTo(expected, within(1e-12));
    }
    float[] narrow = new float[n + 3];
    for (int i = 0; i < narrow.length; i++) {
      narrow[i] = (float) x[i];
    }
    h.transform(narrow, 2);
    assertThat(narrow[2 + n / 2]).isCloseTo((float) y[2 + n / 2], within(1e-6f));
    h.inverse(narrow, 2);
    h.inverse(y, 2);
    for (int i = 0; i < x.length; i++) {
      assertThat(y[i]).isCloseTo(x[i], within(1e-12));
      assertThat(narrow[i]).isCloseTo((float) x[i], within(1e-6f));
    }
  }

  @Test
  void powersOfTwoAreSylvester() {
    Hadamard h = Hadamard.of(16);
    for (int r = 0; r < 16; r++) {
      for (int c = 0; c < 16; c++) {
        assertThat(h.sign(r, c)).isEqualTo(Integer.bitCount(r & c) % 2 == 0 ? 1 : -1);
      }
    }
  }

  /** What lets a per-head fold and a transform across heads make up the full one. */
  @ParameterizedTest
  @CsvSource({"12,8", "28,4", "4,16", "40,2"})
  void theFullMatrixIsHeadsTimesHead(int heads, int width) {
    Hadamard full = Hadamard.of(heads * width);
    for (int r = 0; r < full.order(); r++) {
      for (int c = 0; c < full.order(); c++) {
        int product =
            Hadamard.of(heads).sign(r / width, c / width)
                * Hadamard.of(width).sign(r % width, c % width);
        assertThat(full.sign(r, c)).isEqualTo(product);
      }
    }
  }
}

package dev.nibble.core.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.transform.SeededOrthogonal.Form;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sheet 08a, acceptance 1: random orthogonal matrices that a seed stands for. */
class SeededOrthogonalTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 61, 64, 288, 300, 768, 1031, 1376})
  void isOrthogonalForEveryWidth(int n) {
    SeededOrthogonal q = SeededOrthogonal.draw(Form.KRONECKER, n, 5);
    int step = Math.max(1, n / 40);
    float[][] columns = new float[n][];
    for (int i = 0; i < n; i += step) {
      columns[i] = unit(n, i);
      q.apply(columns[i], 0);
    }
    for (int i = 0; i < n; i += step) {
      for (int j = 0; j < n; j += step) {
        double dot = 0;
        for (int k = 0; k < n; k++) {
          dot += (double) columns[i][k] * columns[j][k];
        }
        assertThat(dot).isCloseTo(i == j ? 1 : 0, within(1e-5));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void theTransposeUndoesIt(Form form) {
    for (int n : new int[] {12, 67, 131}) {
      SeededOrthogonal q = SeededOrthogonal.draw(form, n, 3);
      float[] x = new float[n + 2];
      for (int i = 0; i < x.length; i++) {
        x[i] = (i * 37) % 11 - 5;
      }
      float[] y = x.clone();
      q.apply(y, 1);
      assertThat(y).isNotEqualTo(x);
      q.applyTransposed(y, 1);
      for (int i = 0; i < x.length; i++) {
        assertThat(y[i]).isCloseTo(x[i], within(1e-5f));
      }
    }
  }

  /** The product by factors equals {@code P₂ (A ⊗ B) P₁} written out. */
  @Test
  void theFastProductIsThatOfTheDenseMatrix() {
    int n = 12;
    SeededOrthogonal q = SeededOrthogonal.draw(Form.KRONECKER, n, 8);
    SeededOrthogonal.Round round = q.rounds().getFirst();
    assertThat(q.rounds()).hasSize(1);
    assertThat(round.rows()).isEqualTo(3);
    assertThat(round.columns()).isEqualTo(4);
    for (int column = 0; column < n; column++) {
      float[] found = unit(n, column);
      q.apply(found, 0);
      for (int row = 0; row < n; row++) {
        int r = q.last()[row];
        int c = Arrays.stream(round.source()).boxed().toList().indexOf(column);
        double expected = round.left()[r / 4 * 3 + c / 4] * round.right()[r % 4 * 4 + c % 4];
        assertThat((double) found[row]).isCloseTo(expected, within(1e-6));
      }
    }
  }

  @Test
  void aLargePrimeIsMixedInTwoRounds() {
    SeededOrthogonal q = SeededOrthogonal.draw(Form.KRONECKER, 1031, 1);
    assertThat(q.rounds()).hasSize(2);
    float[] x = unit(1031, 7);
    q.apply(x, 0);
    float largest = 0;
    for (float v : x) {
      largest = Math.max(largest, Math.abs(v));
    }
    assertThat(largest).isLessThan(0.5f);
  }

  /** The meaning of a stored seed may never change: these values are part of the format. */
  @Test
  void aSeedStandsForTheSameMatrixForEver() {
    float[] x = {1, 2, 3, 4, 5, 6};
    SeededOrthogonal.draw(Form.KRONECKER, 6, 42).apply(x, 0);
    assertThat(x).containsExactly(GOLDEN, within(1e-6f));
    assertThat(SeededOrthogonal.draw(Form.KRONECKER, 6, 43).rounds().getFirst().left())
        .isNotEqualTo(SeededOrthogonal.draw(Form.KRONECKER, 6, 42).rounds().getFirst().left());
  }

  private static final float[] GOLDEN = {
    -1.6708761f, 2.1973782f, -5.6532636f, -2.6060886f, -1.26139f, 6.560298f
  };

  private static float[] unit(int n, int i) {
    float[] x = new float[n];
    x[i] = 1;
    return x;
  }
}

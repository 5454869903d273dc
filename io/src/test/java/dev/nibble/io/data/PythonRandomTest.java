package dev.nibble.io.data;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Expected values were printed by CPython. */
class PythonRandomTest {
  @Test
  void words() {
    PythonRandom random = new PythonRandom(1234);
    assertThat(Integer.toUnsignedLong(random.nextWord())).isEqualTo(4150886329L);
    assertThat(Integer.toUnsignedLong(random.nextWord())).isEqualTo(3342196574L);
    assertThat(Integer.toUnsignedLong(random.nextWord())).isEqualTo(1892932127L);
  }

  @Test
  void samples() {
    PythonRandom random = new PythonRandom(1234);
    assertThat(random.sample(7473, 5)).containsExactly(6374, 3610, 957, 61, 742);
    assertThat(random.sample(7473, 5)).containsExactly(7462, 6610, 4769, 286, 5501);
    assertThat(new PythonRandom(1234).sample(20, 5)).containsExactly(14, 3, 0, 2, 1);
    assertThat(new PythonRandom(7).sample(85, 10))
        .containsExactly(41, 19, 50, 6, 9, 68, 12, 46, 74, 7);
    assertThat(new PythonRandom(7).sample(86, 10))
        .containsExactly(41, 19, 50, 83, 6, 9, 68, 12, 46, 74);
  }

  @Test
  void ranges() {
    PythonRandom random = new PythonRandom(0);
    for (int expected : new int[] {50494, 99346, 55125, 5306}) {
      assertThat(random.between(0, 100_000)).isEqualTo(expected);
    }
    PythonRandom large = new PythonRandom(1L << 40);
    assertThat(large.below(1000)).isEqualTo(106);
    for (int i = 0; i < 2000; i++) {
      large.nextWord();
    }
    assertThat(large.below(1 << 30)).isEqualTo(582860204);
  }
}

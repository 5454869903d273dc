package dev.nibble.pipeline.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExpectationTest {
  private static final Map<String, Double> FIGURES =
      Map.of("a", 1.0, "b", 2.0, "same-as-b", 2.0, "lost", Double.POSITIVE_INFINITY);

  private static boolean holds(String text) {
    return Expectation.parse(text, "test").holds(FIGURES);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a < b",
        "a <= b",
        "b <= same-as-b",
        "a < 0.6 * b",
        "2 * a <= b",
        "a < b <= same-as-b",
        "b < lost",
        "a<b"
      })
  void chainsThatHold(String text) {
    assertThat(holds(text)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b < a",
        "b < same-as-b",
        "a < 0.5 * b",
        "a < b < same-as-b",
        "lost <= lost",
        "lost <= a",
        "a < missing",
        "missing < a"
      })
  void chainsThatDoNot(String text) {
    assertThat(holds(text)).isFalse();
  }

  @Test
  void figuresTakeThePlaceOfNames() {
    assertThat(Expectation.parse("a <= 1.5 * b", "test").with(FIGURES))
        .isEqualTo("1.000 ≤ 1.5 × 2.000");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "a <", "< a", "a > b", "a < b <", "a b", "1.5 *"})
  void whatIsNoChainIsRefused(String text) {
    assertThatThrownBy(() -> Expectation.parse(text, "my.yaml: claims[0]"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("my.yaml: claims[0].expect")
        .hasMessageContaining("chain");
  }
}

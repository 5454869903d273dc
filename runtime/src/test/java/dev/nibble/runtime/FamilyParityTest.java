package dev.nibble.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.core.testing.FamilyFixtures.Fixture;
import dev.nibble.io.model.OpenedModel;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family gives the logits of the reference implementation. */
class FamilyParityTest {

  static List<Fixture> fixtures() {
    return FamilyFixtures.all();
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void logitsEqualTheReference(Fixture fixture) {
    OpenedModel opened = OpenedModel.open(fixture.directory());
    int length = fixture.tokens().length;
    boolean beyond = length > opened.weights().config().maxPositions();
    RuntimeOptions options = RuntimeOptions.DEFAULT.withContextLength(beyond ? length : 0);
    try (TextModel model = TextModel.of(opened.weights(), options);
        LanguageModel language = model.asLanguageModel()) {
      float worst = fixture.worstDifference(language);
      assertThat(worst).isLessThanOrEqualTo(1e-4f);
    }
  }
}

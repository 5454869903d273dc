package dev.nibble.models;

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
    try (OpenedModel model = OpenedModel.open(fixture.directory());
        LanguageModel language =
            new TorchLanguageModel(DecoderModel.open(model.weights()).loadAll())) {
      float worst = fixture.worstDifference(language);
      assertThat(worst).isLessThanOrEqualTo(1e-4f);
    }
  }
}

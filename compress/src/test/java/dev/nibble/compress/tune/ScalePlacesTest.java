package dev.nibble.compress.tune;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.models.Block;
import dev.nibble.models.Coupling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Acceptance 1 of sheet 43: folding changes nothing, but where it must. */
class ScalePlacesTest {
  private static List<Place> scattered(Block block, ModelConfig config, Boolean freeQueries) {
    SplittableRandom random = new SplittableRandom(7);
    List<Place> out = new ArrayList<>();
    for (Coupling c : block.couplings()) {
      if (c.kind() == Coupling.Kind.NORM_TO_LINEARS || c.kind() == Coupling.Kind.VALUE_TO_OUTPUT) {
        double[] ones = new double[c.width()];
        Arrays.fill(ones, 1);
        boolean shift = config.norm() == ModelConfig.Norm.LAYER && ChannelScale.canShift(block, c);
        out.add(new ChannelScale(block, c, ones, shift ? ones : null, 0.1));
      }
    }
    if (freeQueries != null && !config.qkNorm()) {
      out.add(new QueryKeyScale(block, block.name() + ".self_attn", config, freeQueries, 0.1));
    }
    out.forEach(place -> Folding.scatter(place, random));
    return out;
  }

  @Test
  void scalesShiftsAndTiedQueryScalesFoldExactlyInEveryFamily() {
    TinyFamilies.families()
        .forEach(
            (family, config) ->
                assertThat(Folding.difference(config, b -> scattered(b, config, false)))
                    .as(family)
                    .isLessThan(1e-5));
  }

  @Test
  void modelsWithLayerNormAndBiasesTakeShifts() {
    ModelConfig config = TinyFamilies.families().get("opt");
    Folding.difference(
        config,
        block -> {
          List<Place> places = scattered(block, config, false);
          assertThat(places.stream().flatMap(p -> p.trainables().stream()))
              .extracting(Trainable::name)
              .filteredOn(name -> name.endsWith(".shift"))
              .hasSize(3);
          return places;
        });
  }

  @Test
  void untiedQueryScalesChangeAModelWithRotaryPositionsAndNoOther() {
    ModelConfig rotary = TinyFamilies.llama();
    assertThat(Folding.difference(rotary, b -> scattered(b, rotary, true))).isGreaterThan(1e-2);
    ModelConfig learned = TinyFamilies.families().get("opt");
    assertThat(Folding.difference(learned, b -> scattered(b, learned, true))).isLessThan(1e-5);
  }
}

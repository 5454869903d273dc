package dev.nibble.compress.transform;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code ea_smooth: { alpha: 0.6, scale_merge: max | sum1 | sum2 | sum3 | all, router: true,
 * cap_percentile: 100, otsu_ratio: 0.65, otsu_smooth_rate: 0.7 }}.
 */
public final class ExpertSmoothFactory implements StepFactory {
  @Override
  public String name() {
    return "ea_smooth";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.TRANSFORM;
  }

  @Override
  public String summary() {
    return "smooths activations with one scale that suits every expert behind a norm";
  }

  @Override
  public String source() {
    return "EAQuant (Fu et al. 2025), expert-aware smoothing aggregation";
  }

  @Override
  public Step create(OptionReader options) {
    return new ExpertSmooth(ExpertSmoothOptions.read(options));
  }
}

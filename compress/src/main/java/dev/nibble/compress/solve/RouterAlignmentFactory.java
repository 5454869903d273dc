package dev.nibble.compress.solve;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code router_alignment: { spec: int8:channel:asym, loss: kl_top0, lowest: 0.35, steps: 101,
 * tokens: 4096, input_bits: 8 }}.
 */
public final class RouterAlignmentFactory implements StepFactory {
  @Override
  public String name() {
    return "router_alignment";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.SOLVE;
  }

  @Override
  public String summary() {
    return "rounds the routers of experts so that tokens go on to the same experts";
  }

  @Override
  public String source() {
    return "EAQuant (Fu et al. 2025), routing consistency alignment";
  }

  @Override
  public Step create(OptionReader options) {
    return new RouterAlignment(RouterOptions.read(options));
  }
}

package dev.nibble.compress.activation;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Step;
import dev.nibble.core.NibbleException;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Puts a quantizer on the inputs of linear sites of decoder blocks, behind their online transforms.
 * Dynamic scales come from each input at run time; static ones from calibration, as the extremes
 * (or a percentile) of what the quantized prefix feeds the site; an expert that no calibration
 * token goes to keeps a dynamic one. An allocate step may have decided that an input stays as it is
 * ({@link dev.nibble.compress.allocate.Allocation#keepInput}). Comes after every step that changes
 * inputs: rotation, smoothing.
 */
public final class QuantizeActivations implements Step {
  private final ActivationOptions options;

  /** The step with these options. */
  public QuantizeActivations(ActivationOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return options.fixed() ? Needs.INPUTS : Needs.NOTHING;
  }

  @Override
  public void apply(BlockTask task) {
    Block block = task.block();
    if (!block.name().startsWith("model.layers.")) {
      return;
    }
    Set<String> sites = new LinkedHashSet<>();
    for (Site site : block.sites()) {
      if (site.kind() == Site.Kind.LINEAR
          && options.selects(site.name())
          && !task.notes().keepsInput(site.name())) {
        if (block.state(site.name()).inputQuant().isPresent()) {
          throw new NibbleException(
              "activation: "
                  + site.name()
                  + " has an input quantizer already; let targets and ignore keep the steps apart");
        }
        sites.add(site.name());
      }
    }
    if (!options.fixed()) {
      sites.forEach(site -> block.state(site).inputQuant(options.quant()));
      return;
    }
    RangeObserver observer = new RangeObserver(task, sites);
    Map<String, ValueRange> ranges =
        options.percentile() == 100
            ? observer.extremes()
            : observer.percentile(options.percentile());
    sites.stream()
        .filter(site -> !ranges.containsKey(site))
        .forEach(
            site -> {
              block.state(site).inputQuant(options.quant());
              task.events()
                  .record(
                      "activation.unseen",
                      site,
                      "no calibration token goes to this expert, so its scale is found at run"
                          + " time");
            });
    ranges.forEach(
        (site, range) -> {
          ActivationQuant fixed = range.fix(options.quant());
          block.state(site).inputQuant(fixed);
          task.events()
              .record(
                  "activation.static",
                  site,
                  String.format(
                      Locale.ROOT,
                      "values %.4g to %.4g, scale %.4g, zero %d",
                      range.low(),
                      range.high(),
                      fixed.staticScale(),
                      fixed.staticZero()));
        });
  }
}

package dev.nibble.compress.transform;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.calibrate.ExpertCoverage;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.models.Block;
import dev.nibble.models.Coupling;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Smoothing that suits every expert (EAQuant, Fu et al. 2025, section 3.1: expert-aware smoothing
 * aggregation). One norm feeds the router and all experts of a layer, so they share one scale: by
 * default the largest of their own SmoothQuant scales, each from the tokens that go to that expert.
 * It is folded into norm, router and experts; inputs of attention are smoothed alike, and the
 * outlier channels of each down_proj are scaled down by its up_proj. An expert that no token
 * reaches has no scale and contributes nothing.
 *
 * <p>Time: one pass over the calibration inputs; memory: a copy of the block.
 */
public final class ExpertSmooth implements Step {
  private final ExpertSmoothOptions options;
  private MoeConfig moe = MoeConfig.NONE;

  /** Smoothing with these options. */
  public ExpertSmooth(ExpertSmoothOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.ORIGINAL_INPUTS;
  }

  @Override
  public List<String> objections(ModelConfig config) {
    return config.residual() == ModelConfig.Residual.POST_NORM
        ? List.of(
            "has nothing to fold into: this model's linears read the residual stream, not a norm;"
                + " leave ea_smooth out")
        : List.of();
  }

  @Override
  public long workingBytes(BlockShape shape) {
    return shape.stages().stream()
        .flatMap(stage -> stage.sites().stream())
        .mapToLong(site -> 4L * site.outputs() * site.inputs())
        .sum();
  }

  @Override
  public void prepare(ModelTask task) {
    moe = task.model().config().moe();
  }

  @Override
  public void apply(BlockTask task) {
    Block block = task.block();
    if (!ScaleGroups.decoder(block)) {
      return;
    }
    Map<String, ChannelExtremes> seen = ChannelExtremes.gather(task, leaders(block));
    cover(task, seen);
    Map<Coupling, double[]> scales = new LinkedHashMap<>();
    ExpertScales readers = new ExpertScales(task, options, seen);
    for (Coupling coupling : block.couplings()) {
      if (!ChannelScaling.direct(block, coupling)) {
        task.events()
            .record(
                "ea_smooth.skipped",
                coupling.consumers().getFirst(),
                "a run-time transform stands before it");
      } else if (coupling.kind() == Coupling.Kind.NORM_TO_LINEARS) {
        scales.put(coupling, readers.behindNorm(coupling, moe));
      } else if (seen.containsKey(coupling.consumers().getFirst())) {
        inside(block, coupling, seen, readers, scales);
      }
    }
    fold(task, scales);
  }

  /** Behind another linear: values to output where heads are not shared, up to down. */
  private void inside(
      Block block,
      Coupling coupling,
      Map<String, ChannelExtremes> seen,
      ExpertScales readers,
      Map<Coupling, double[]> scales) {
    String consumer = coupling.consumers().getFirst();
    if (coupling.kind() != Coupling.Kind.VALUE_TO_OUTPUT) {
      if (options.otsuRate() > 0) {
        scales.put(
            coupling, OutlierScale.of(seen.get(consumer), options.otsuRatio(), options.otsuRate()));
      }
    } else if (coupling.repeat() == 1) {
      Stage stage =
          block.stages().stream()
              .filter(s -> s.sites().getFirst().name().equals(consumer))
              .findFirst()
              .orElseThrow();
      scales.put(coupling, readers.own(stage));
    }
  }

  private static Set<String> leaders(Block block) {
    return block.stages().stream()
        .map(stage -> stage.sites().getFirst().name())
        .collect(Collectors.toSet());
  }

  private static void cover(BlockTask task, Map<String, ChannelExtremes> seen) {
    Map<String, Long> tokens = new LinkedHashMap<>();
    for (Stage stage : task.block().stages()) {
      Site site = stage.sites().getFirst();
      if (ExpertCoverage.routed(site.name()) && !stage.name().equals("down")) {
        ChannelExtremes found = seen.get(site.name());
        tokens.put(ExpertCoverage.module(site.name()), found == null ? 0 : found.tokens());
      }
    }
    if (!tokens.isEmpty()) {
      ExpertCoverage.record(task, tokens);
    }
  }

  private static void fold(BlockTask task, Map<Coupling, double[]> scales) {
    Block block = task.block();
    try (BlockGuard guard = new BlockGuard(task, "ea_smooth")) {
      scales.forEach((coupling, s) -> ChannelScaling.fold(block, coupling, s));
      if (!guard.accept("ea_smooth")) {
        return;
      }
    }
    Map<String, String> notes = new TreeMap<>();
    scales.forEach(
        (coupling, s) -> {
          double least = java.util.Arrays.stream(s).min().orElse(1);
          double most = java.util.Arrays.stream(s).max().orElse(1);
          if (least != most) {
            notes.put(coupling.producer(), String.format(Locale.ROOT, "%.3g to %.3g", least, most));
          }
        });
    notes.forEach(
        (producer, range) ->
            task.events().record("ea_smooth.scale", producer, "scales from " + range));
  }
}

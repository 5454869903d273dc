package dev.nibble.compress.transform;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Step;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * Activation-aware scaling and clipping (AWQ, Lin et al. 2024). Scaling up the weight columns that
 * meet large inputs shrinks their relative rounding error; the inverse goes into the producer of
 * the input. Clipping then shortens each group's range where that helps the output; it is done in
 * place, so that whatever solves the weights next finds the shortened range.
 *
 * <p>Deviations: outputs are compared on {@link AwqOptions#searchTokens} tokens rather than all;
 * scales are searched with the original weights of all groups and folded together, as in the
 * released code. Time: {@code gridPoints} passes of a block over the search tokens; memory: a copy
 * of the block and its inputs on these tokens.
 */
public final class Awq implements Step {
  private final AwqOptions options;

  /** AWQ with these options. */
  public Awq(AwqOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.ORIGINAL_INPUTS;
  }

  @Override
  public Optional<QuantSpec> assumes(Site site) {
    boolean decoder = site.name().startsWith(ScaleGroups.DECODER);
    return decoder ? Optional.of(options.spec()) : Optional.empty();
  }

  @Override
  public long workingBytes(BlockShape shape) {
    long parameters = 0;
    long inputs = 0;
    for (Stage stage : shape.stages()) {
      inputs += stage.sites().getFirst().inputs();
      for (Site site : stage.sites()) {
        parameters += (long) site.outputs() * site.inputs();
      }
    }
    long search = Math.max(options.searchTokens(), shape.batchTokens());
    return Float.BYTES * (2 * parameters + inputs * (search + options.clipTokens()));
  }

  @Override
  public void apply(BlockTask task) {
    Block block = task.block();
    if (!ScaleGroups.decoder(block)) {
      return;
    }
    Map<String, StageInputs> inputs =
        StageInputs.gather(task, options.clipTokens(), options.searchTokens());
    try {
      RoundedWeight rounded = new RoundedWeight(options.spec(), options.rounding(), task.workers());
      Map<String, double[]> scales = scale(task, rounded, inputs);
      if (options.clip()) {
        clip(task, rounded, inputs, scales);
      }
    } finally {
      new LinkedHashSet<>(inputs.values()).forEach(StageInputs::close);
    }
  }

  /** Searches all groups, then folds; the scales by site, empty when they were taken back. */
  private Map<String, double[]> scale(
      BlockTask task, RoundedWeight rounded, Map<String, StageInputs> inputs) {
    Block block = task.block();
    List<ScaleGroups.Group> groups =
        ScaleGroups.all(
            block,
            options.tieHeads(),
            options.online(),
            (site, why) -> task.events().record("awq.skipped", site, why));
    AwqScaleSearch search =
        new AwqScaleSearch(block, task.workers(), rounded, options.gridPoints());
    Map<ScaleGroups.Group, AwqScaleSearch.Choice> choices = new LinkedHashMap<>();
    for (ScaleGroups.Group group : groups) {
      if (inputs.get(group.name()).sequences().isEmpty()) {
        task.events().record("awq.skipped", group.name(), "no token that is looked at reaches it");
        continue;
      }
      choices.put(group, search.search(group, inputs.get(group.name())));
    }
    Map<String, double[]> scales = new LinkedHashMap<>();
    try (BlockGuard guard = new BlockGuard(task, "awq")) {
      choices.forEach(
          (group, choice) -> {
            fold(block, group, choice);
            group.sites().forEach(site -> scales.put(site, choice.consumerScale()));
          });
      if (!guard.accept("awq")) {
        return Map.of();
      }
    }
    choices.forEach(
        (group, choice) ->
            task.events()
                .record(
                    "awq.scale",
                    group.name(),
                    String.format(
                        Locale.ROOT,
                        "ratio %.2f, output loss %.3e against %.3e for round-to-nearest",
                        choice.ratio(),
                        choice.loss(),
                        choice.plainLoss())));
    return scales;
  }

  private static void fold(Block block, ScaleGroups.Group group, AwqScaleSearch.Choice choice) {
    if (choice.ratio() == 0) {
      return; // all scales are 1
    }
    group
        .coupling()
        .ifPresentOrElse(
            coupling -> ChannelScaling.fold(block, coupling, choice.scale()),
            () -> ChannelScaling.online(block, group.name(), choice.scale()));
  }

  /** Queries and keys are left alone: their product makes clipping unsafe. */
  private void clip(
      BlockTask task,
      RoundedWeight rounded,
      Map<String, StageInputs> inputs,
      Map<String, double[]> scales) {
    Block block = task.block();
    ClipSearch search = new ClipSearch(rounded, options.gridPoints(), options.maxShrink());
    Set<String> unsafe = Set.of(TensorNames.Q, TensorNames.K);
    for (Site site : block.sites()) {
      String name = site.name();
      if (site.kind() != Site.Kind.LINEAR
          || unsafe.stream().anyMatch(name::endsWith)
          || inputs.get(name).unseen()) {
        continue;
      }
      double[] scale = scales.get(name);
      Tensor sample = inputs.get(name).sample();
      ClipSearch.Result result;
      Tensor seen =
          Torch.owned(
              () -> scale == null ? sample.clone() : sample.div(ChannelScaling.vector(scale)));
      try (seen) {
        result = search.search(block.parameter(TensorNames.weight(name)), seen);
      }
      Torch.run(() -> block.setParameter(TensorNames.weight(name), result.weight().clone()));
      result.weight().close();
      task.events()
          .record(
              "awq.clip",
              name,
              String.format(
                  Locale.ROOT,
                  "%.1f %% of the groups clipped, group errors at %.1f %%",
                  100 * result.clippedShare(),
                  100 * result.errorRatio()));
    }
  }
}

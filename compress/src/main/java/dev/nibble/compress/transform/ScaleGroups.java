package dev.nibble.compress.transform;

import dev.nibble.models.Block;
import dev.nibble.models.Coupling;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Linears of a decoder block that take one input scale together. */
final class ScaleGroups {
  /** How the names of everything in decoder blocks begin. */
  static final String DECODER = "model.layers.";

  /** Stages that read the residual stream, in a block whose norms stand behind its adds. */
  private static final Set<String> READERS = Set.of("qkv", "gate_up", "up");

  private ScaleGroups() {}

  /**
   * A group.
   *
   * @param coupling what takes the inverse scale; empty when run time has to
   * @param sites all linears that read the input
   */
  record Group(Optional<Coupling> coupling, List<String> sites) {
    String name() {
      return sites.getFirst();
    }

    /** Sites that are rounded in trials: all but routers, which stay plain. */
    List<String> rounded(Block block) {
      List<String> routers =
          block.sites().stream()
              .filter(site -> site.kind() == Site.Kind.ROUTER)
              .map(Site::name)
              .toList();
      return sites.stream().filter(site -> !routers.contains(site)).toList();
    }

    Coupling.Kind kind() {
      return coupling.map(Coupling::kind).orElse(null);
    }
  }

  /** True for a block whose linears are to be quantized: neither embedding nor head. */
  static boolean decoder(Block block) {
    return block.name().startsWith(DECODER);
  }

  /**
   * What SmoothQuant smooths: groups whose producer is a norm; in a block without such, what reads
   * the residual stream.
   */
  static List<Group> smoothed(Block block) {
    boolean normed =
        block.couplings().stream().anyMatch(c -> c.kind() == Coupling.Kind.NORM_TO_LINEARS);
    if (!normed) {
      return block.stages().stream()
          .filter(stage -> READERS.contains(stage.name()))
          .map(s -> new Group(Optional.empty(), s.sites().stream().map(Site::name).toList()))
          .toList();
    }
    return block.couplings().stream()
        .filter(c -> c.kind() == Coupling.Kind.NORM_TO_LINEARS)
        .filter(c -> ChannelScaling.direct(block, c))
        .map(c -> new Group(Optional.of(c), c.consumers()))
        .toList();
  }

  /**
   * All groups.
   *
   * @param tieHeads include value → output where key-value heads are shared
   * @param online include linears behind something that cannot take a scale
   * @param skipped receives the name of the first site of a group that is left out, and why
   */
  static List<Group> all(
      Block block,
      boolean tieHeads,
      boolean online,
      java.util.function.BiConsumer<String, String> skipped) {
    List<Group> out = new ArrayList<>();
    List<String> taken = new ArrayList<>();
    for (Coupling coupling : block.couplings()) {
      String first = coupling.consumers().getFirst();
      taken.addAll(coupling.consumers());
      if (!ChannelScaling.direct(block, coupling)) {
        skipped.accept(first, "a run-time transform stands before it");
      } else if (coupling.repeat() > 1 && !tieHeads) {
        skipped.accept(
            first,
            coupling.repeat()
                + " query heads share a value head; tie_heads: true scales them together");
      } else {
        out.add(new Group(Optional.of(coupling), coupling.consumers()));
      }
    }
    for (Stage stage : block.stages()) {
      List<String> names = stage.sites().stream().map(s -> s.name()).toList();
      if (names.size() > 1 || taken.contains(names.getFirst())) {
        continue;
      }
      if (!online || !block.state(names.getFirst()).transforms().isEmpty()) {
        skipped.accept(names.getFirst(), "its producer cannot take a scale");
      } else {
        out.add(new Group(Optional.empty(), names));
      }
    }
    return out;
  }
}

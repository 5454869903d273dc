package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.StorageForecast;
import dev.nibble.compress.StoredForm;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Block;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Site;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What there is to choose from: units, and for each the levels with their exact bytes. Only sites
 * whose form the later steps leave open are part of a unit: a step that ignores a site or gives it
 * a spec of its own has decided already. Levels are ordered from the smallest to the largest file.
 */
final class Choices {
  private static final int PLAIN_BYTES = 2;

  private final Allocation before;
  private final StorageForecast storage;
  private final List<Unit> units;
  private final List<Level> levels;
  private final long[][] bytes;

  private Choices(
      Allocation before, StorageForecast storage, List<Unit> units, List<Level> levels) {
    this.before = before;
    this.storage = storage;
    this.units = List.copyOf(units);
    this.levels =
        levels.stream()
            .sorted(
                Comparator.comparingLong(
                    level -> units.stream().mapToLong(unit -> bytes(unit, level)).sum()))
            .toList();
    this.bytes = new long[units.size()][levels.size()];
    for (int u = 0; u < bytes.length; u++) {
      for (int l = 0; l < bytes[u].length; l++) {
        bytes[u][l] = bytes(units.get(u), this.levels.get(l));
      }
    }
  }

  /**
   * The choices a model leaves open.
   *
   * @param kind blocks or linears as units
   * @param tables the embedding and the head are units, too
   * @param where path of the step's options, for messages
   * @throws NibbleException when no later step stores anything as it is told
   */
  static Choices of(
      ModelTask task, List<Level> levels, Unit.Kind kind, boolean tables, String where) {
    List<Unit> units = new ArrayList<>();
    for (BlockHandle block : task.model().blocks()) {
      if (block.kind() != BlockHandle.Kind.DECODER && !tables) {
        continue;
      }
      List<Site> free =
          block.sites().stream()
              .filter(site -> weighs(task, site))
              .filter(site -> open(task.storage(), task.allocation(), site, levels))
              .toList();
      if (kind == Unit.Kind.LINEAR) {
        free.forEach(site -> units.add(new Unit(site.name(), List.of(site))));
      } else if (!free.isEmpty()) {
        units.add(new Unit(block.name(), free));
      }
    }
    if (units.isEmpty()) {
      throw new NibbleException(
          where
              + ": decides for nothing, because no later step stores a weight as it is told; put a"
              + " solver without spec: behind it, as gptq",
          NibbleException.USAGE,
          null);
    }
    return new Choices(task.allocation().copy(), task.storage(), units, levels);
  }

  /** True when the site has a matrix of its own in the file. */
  private static boolean weighs(ModelTask task, Site site) {
    boolean tied = site.name().equals(TensorNames.HEAD) && task.model().config().tiedHead();
    return !tied && (site.kind() == Site.Kind.LINEAR || site.kind() == Site.Kind.EMBEDDING);
  }

  /** True when the site's form follows the assignment. */
  private static boolean open(
      StorageForecast storage, Allocation before, Site site, List<Level> levels) {
    Allocation trial = before.copy();
    List<String> forms = new ArrayList<>();
    for (Level level : List.of(levels.getFirst(), levels.getLast())) {
      trial.assign(site.name(), level.assignment());
      forms.add(storage.form(site, trial).map(f -> f.text()).orElse(Level.KEEP));
    }
    return !forms.getFirst().equals(forms.getLast());
  }

  private long bytes(Unit unit, Level level) {
    Allocation trial = before.copy();
    unit.sites().forEach(site -> trial.assign(site.name(), level.assignment()));
    return unit.sites().stream().mapToLong(site -> bytes(storage, site, trial)).sum();
  }

  /** Stored bytes of a site's weight under an allocation, without the file's header. */
  static long bytes(StorageForecast storage, Site site, Allocation allocation) {
    return storage
        .form(site, allocation)
        .map(form -> form.sized(new long[] {site.outputs(), site.inputs()}).byteSize())
        .orElse(PLAIN_BYTES * Unit.weights(site));
  }

  /** How each site of a unit would be stored at a level; empty for a plain one. */
  Map<Site, Optional<StoredForm>> forms(int unit, int level) {
    Allocation trial = before.copy();
    List<Site> sites = units.get(unit).sites();
    sites.forEach(site -> trial.assign(site.name(), levels.get(level).assignment()));
    Map<Site, Optional<StoredForm>> out = new LinkedHashMap<>();
    sites.forEach(site -> out.put(site, storage.form(site, trial)));
    return out;
  }

  /** Index of the block that a unit is, or lies in. */
  static int blockOf(List<Block> blocks, Unit unit) {
    return blockOf(blocks, unit.sites().getFirst().name());
  }

  /** Index of the block that a site lies in. */
  static int blockOf(List<Block> blocks, String site) {
    return IntStream.range(0, blocks.size())
        .filter(b -> blocks.get(b).sites().stream().anyMatch(s -> s.name().equals(site)))
        .findFirst()
        .orElseThrow();
  }

  /** Names of the units, for keys of scores. */
  String names() {
    return units.stream()
        .map(unit -> unit.name() + (unit.sites().size() == 1 ? "" : "*" + unit.sites().size()))
        .collect(Collectors.joining(","));
  }

  /** Names of the levels, for keys of scores. */
  String levelNames() {
    return levels.stream().map(Level::text).collect(Collectors.joining(","));
  }

  /** Units in model order. */
  List<Unit> units() {
    return units;
  }

  /** Levels from the smallest to the largest. */
  List<Level> levels() {
    return levels;
  }

  /** Stored bytes of a unit at a level, without the file's header. */
  long bytes(int unit, int level) {
    return bytes[unit][level];
  }

  /** Stored bytes of all units under a choice of levels. */
  long bytes(int[] choice) {
    long sum = 0;
    for (int u = 0; u < choice.length; u++) {
      sum += bytes[u][choice[u]];
    }
    return sum;
  }

  /** Weights of all units. */
  long weights() {
    return units.stream().mapToLong(Unit::weights).sum();
  }

  /** One level for all. */
  int[] uniform(int level) {
    int[] out = new int[units.size()];
    Arrays.fill(out, level);
    return out;
  }

  /** Exact size of the file under a choice of levels. */
  long fileBytes(int[] choice) {
    Allocation trial = before.copy();
    assign(trial, choice);
    return storage.fileBytes(trial);
  }

  /** Assigns the levels of a choice. */
  void assign(Allocation allocation, int[] choice) {
    for (int u = 0; u < choice.length; u++) {
      Assignment assignment = levels.get(choice[u]).assignment();
      units.get(u).sites().forEach(site -> allocation.assign(site.name(), assignment));
    }
  }

  /**
   * Rows of a report.
   *
   * @param scores by unit; empty when there are none
   * @param order units from the most to the least important
   */
  List<AllocationReport.Row> rows(int[] choice, double[] scores, int[] order) {
    int[] rank = new int[order.length];
    IntStream.range(0, order.length).forEach(i -> rank[order[i]] = i + 1);
    return IntStream.range(0, choice.length)
        .mapToObj(
            u ->
                new AllocationReport.Row(
                    units.get(u).name(),
                    scores.length == 0 ? Double.NaN : scores[u],
                    rank[u],
                    levels.get(choice[u]).text(),
                    bytes[u][choice[u]],
                    units.get(u).weights()))
        .toList();
  }
}

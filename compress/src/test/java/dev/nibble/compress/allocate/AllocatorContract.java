package dev.nibble.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.tensor.PackedTensor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What every step that shares out bits under a budget has to keep. */
abstract class AllocatorContract {
  private static final ModelConfig CONFIG = TinyModels.llama(61, 32, 48, 5);

  final InMemoryWeights weights = TinyFamilies.weights(CONFIG, 3);
  final int[][] tokens = TinyFamilies.tokens(CONFIG, 4, 24, 8);

  /**
   * The step as a recipe writes it.
   *
   * @param levels list of levels, as {@code [ "int2:g16", "int4:g16" ]}
   * @param budget as {@code bits: 3.5}
   */
  abstract String step(String levels, String budget);

  /** The same with its order or scores reversed; empty when it has no such option. */
  String reversed(String levels, String budget) {
    return "";
  }

  /** Levels that the step is tested with, the smallest first. */
  List<String> levels() {
    return List.of("int2:g16", "int3:g16", "int4:g16", "int8:channel");
  }

  /** What decides on the form behind the step. */
  String solver() {
    return "rtn";
  }

  private String list() {
    return "[ \"" + String.join("\", \"", levels()) + "\" ]";
  }

  private String recipe(String budget) {
    return "{ " + step(list(), budget) + " }, " + solver();
  }

  AllocationRun run() {
    return new AllocationRun(weights, tokens);
  }

  @Test
  void spendsNoMoreThanTheBitsAskedForAndLeavesNoRoomForAnyRaise() {
    for (double bits : new double[] {3.2, 3.9, 4.6, 6.6}) {
      String recipe = recipe("bits: " + bits);
      AllocationRun run = run();
      Allocation allocation = run.of(recipe);
      AllocationReport report = allocation.reports().getLast();
      assertThat(report.bitsPerWeight()).isLessThanOrEqualTo(bits);
      long spent = report.rows().stream().mapToLong(AllocationReport.Row::bytes).sum();
      long all = report.rows().stream().mapToLong(AllocationReport.Row::weights).sum();
      for (AllocationReport.Row row : report.rows()) {
        int level = levels().indexOf(row.level().replace(":asym", "").replace(":sym", ""));
        assertThat(level).isNotNegative();
        if (level < levels().size() - 1) {
          Allocation raised = raised(allocation, row.unit(), levels().get(level + 1));
          long more = run.fileBytes(recipe, raised) - run.fileBytes(recipe, allocation) + spent;
          assertThat(8.0 * more / all).as(row.unit()).isGreaterThan(bits);
        }
      }
    }
  }

  private static Allocation raised(Allocation from, String unit, String level) {
    Allocation out = from.copy();
    from.sites().keySet().stream()
        .filter(site -> site.equals(unit) || site.startsWith(unit + "."))
        .forEach(site -> out.assign(site, Level.parse(level, "test").assignment()));
    return out;
  }

  @Test
  void theWholeFileIsAsLargeAsAskedForAtMostAndAsPlanned() {
    AllocationRun run = run();
    long smallest =
        run.fileBytes(solver(), everywhere(run.of(recipe("bits: 5")), levels().getFirst()));
    for (int more : new int[] {0, 700, 3000}) {
      String recipe = recipe("size: " + (smallest + more) + "b");
      Allocation allocation = run().of(recipe);
      long planned = run.fileBytes(recipe, allocation);
      assertThat(planned).isBetween(smallest, smallest + more);
      Map<String, PackedTensor> stored =
          BlockRun.of(weights, AllocationRun.steps(recipe), tokens, 2).packed();
      Allocation found = new Allocation();
      allocation
          .sites()
          .keySet()
          .forEach(s -> found.assign(s, Level.parse(text(stored.get(s)), s).assignment()));
      assertThat(run.fileBytes(recipe, found)).isBetween(smallest, smallest + more);
      run.forEachForm(
          recipe,
          found,
          (site, bytes) -> assertThat(stored.get(site).byteSize()).as(site).isEqualTo(bytes));
    }
  }

  private static String text(PackedTensor stored) {
    return stored == null ? Level.KEEP : stored.typeName();
  }

  private static Allocation everywhere(Allocation like, String level) {
    Allocation out = new Allocation();
    like.sites().keySet().forEach(s -> out.assign(s, Level.parse(level, "test").assignment()));
    return out;
  }

  @Test
  void anUnreachableBudgetIsRefusedWithTheLeastThatIs() {
    assertThatThrownBy(() -> run().of(recipe("bits: 1.5")))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("1.5 bits cannot be reached")
        .hasMessageContaining("levels");
    assertThatThrownBy(() -> run().of(recipe("size: 1k")))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("cannot be reached")
        .hasMessageContaining("bytes");
  }

  @Test
  void aBudgetForEverythingGivesEveryoneTheLargestLevel() {
    Allocation allocation = run().of(recipe("bits: 20"));
    assertThat(allocation.reports().getLast().rows())
        .allMatch(row -> row.level().startsWith(levels().getLast().replaceAll(":.*", "")));
  }

  @Test
  void theReverseOrderGivesAnotherAllocation() {
    String reversed = reversed(list(), "bits: 3.6");
    if (!reversed.isEmpty()) {
      assertThat(run().of("{ " + reversed + " }, " + solver()).sites())
          .isNotEqualTo(run().of(recipe("bits: 3.6")).sites());
    }
  }

  @Test
  void anotherBudgetReadsNoWeights() {
    AllocationRun first = run();
    first.of(recipe("bits: 4.5"));
    assertThat(first.kept()).isNotEmpty();
    Allocation cached =
        new AllocationRun(new Unreadable(weights), tokens).after(first).of(recipe("bits: 3.6"));
    Allocation fresh = run().of(recipe("bits: 3.6"));
    assertThat(cached.sites()).isEqualTo(fresh.sites());
    assertThat(cached.reports()).isEqualTo(fresh.reports());
  }

  @Test
  void theNumberOfThreadsDoesNotMatter() {
    AllocationRun one = run().threads(1);
    AllocationRun three = run().threads(3);
    assertThat(one.of(recipe("bits: 3.6")).reports())
        .isEqualTo(three.of(recipe("bits: 3.6")).reports());
    assertThat(one.kept()).isEqualTo(three.kept());
  }

  @Test
  void everySiteBehindASolverIsListedOnceWithItsRank() {
    AllocationReport report = run().of(recipe("bits: 3.6")).reports().getLast();
    assertThat(report.rows()).extracting(AllocationReport.Row::unit).doesNotHaveDuplicates();
    assertThat(report.rows()).extracting(AllocationReport.Row::rank).doesNotHaveDuplicates();
    assertThat(report.rows().stream().mapToLong(AllocationReport.Row::weights).sum())
        .isEqualTo(5L * (32 * 32 * 2 + 2 * 16 * 32 + 3 * 48 * 32));
  }

  @Test
  void sitesThatTheSolverLeavesAloneCostNothing() {
    String step = "{ " + step(list(), "bits: 3.6") + " }, ";
    Allocation allocation = run().of(step + "{ rtn: { ignore: [ \"mlp\" ] } }");
    assertThat(allocation.sites().keySet()).noneMatch(site -> site.contains("mlp"));
    assertThatThrownBy(() -> run().of(step + "{ rtn: { ignore: [ \"layers\" ] } }"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("no later step stores a weight as it is told");
  }
}

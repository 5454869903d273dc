package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.block.Batches;
import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.Site;
import java.util.Arrays;
import java.util.List;

/**
 * MixLLM (sheet 09): the rows of all linears are ranked together by {@link RowSalience}, and the
 * first {@code ⌊percent · rows / 100⌋} are stored at the larger width. Rows count alike, however
 * long they are.
 */
final class MixLlmStep implements Step {
  /** Where rows compete. */
  enum Scope {
    GLOBAL,
    LAYER
  }

  /** Which rows come first; the random order is a study's control. */
  enum Order {
    SCORE,
    RANDOM
  }

  private final Level small;
  private final Level large;
  private final double percent;
  private final Scope scope;
  private final Order order;
  private final RowSalience.Measure measure;
  private final int samples;
  private final String where;

  /**
   * @param percent of the rows at the larger level, 0 to 100
   * @param samples calibration sequences to differentiate
   * @param where path of the options, for messages
   */
  MixLlmStep(
      Level small,
      Level large,
      double percent,
      Scope scope,
      Order order,
      RowSalience.Measure measure,
      int samples,
      String where) {
    this.small = small;
    this.large = large;
    this.percent = percent;
    this.scope = scope;
    this.order = order;
    this.measure = measure;
    this.samples = samples;
    this.where = where;
    spec(small);
    spec(large);
    if (small.text().equals(large.text())) {
      throw new NibbleException(
          where + ": small and large are both " + small.text() + "; give large more bits",
          NibbleException.USAGE,
          null);
    }
  }

  private QuantSpec spec(Level level) {
    if (level.assignment() instanceof Assignment.Uniform(QuantSpec spec)) {
      return spec;
    }
    throw new NibbleException(
        where + ": rows cannot stay 16-bit; write a spec, as int8:g128:sym",
        NibbleException.USAGE,
        null);
  }

  @Override
  public Needs needs() {
    return Needs.TOKENS;
  }

  @Override
  public void prepare(ModelTask task) {
    List<Site> sites =
        Choices.of(task, List.of(small, large), Unit.Kind.LINEAR, false, where).units().stream()
            .flatMap(unit -> unit.sites().stream())
            .toList();
    Batches batches = NetworkPass.first(task.tokens(), samples);
    if (batches.length() < 2) {
      throw new NibbleException(
          where + ": sequences of one token predict nothing; use longer ones");
    }
    int rows = sites.stream().mapToInt(Site::outputs).sum();
    double[] scores =
        RememberedScores.row(
            task.scores(),
            key(sites, batches),
            rows,
            () -> RowSalience.of(task, sites, spec(small), measure, batches.sequences()));
    int[] classes = classes(task, sites, scores);
    assign(task, sites, classes);
    report(task, sites, scores, classes);
  }

  private String key(List<Site> sites, Batches batches) {
    return "row salience v1 "
        + measure
        + " small="
        + small.text()
        + " samples="
        + batches.sequences().length
        + " sites="
        + sites.stream().map(Site::name).toList();
  }

  /** 1 for the rows at the larger level. */
  private int[] classes(ModelTask task, List<Site> sites, double[] scores) {
    int[] classes = new int[scores.length];
    if (scope == Scope.GLOBAL) {
      raise(task, scores, 0, scores.length, classes);
      return classes;
    }
    int from = 0;
    for (Site site : sites) {
      raise(task, scores, from, site.outputs(), classes);
      from += site.outputs();
    }
    return classes;
  }

  private void raise(ModelTask task, double[] scores, int from, int count, int[] classes) {
    int[] ranked =
        order == Order.SCORE
            ? Ranking.descending(Arrays.copyOfRange(scores, from, from + count))
            : Ranking.random(count, task.seed() + from);
    int raised = (int) Math.floor(percent * count / 100);
    for (int i = 0; i < raised; i++) {
      classes[from + ranked[i]] = 1;
    }
  }

  private void assign(ModelTask task, List<Site> sites, int[] classes) {
    List<QuantSpec> specs = List.of(spec(small), spec(large));
    int from = 0;
    for (Site site : sites) {
      int[] own = Arrays.copyOfRange(classes, from, from + site.outputs());
      int raised = Arrays.stream(own).sum();
      boolean mixed = raised > 0 && raised < own.length;
      task.allocation()
          .assign(
              site.name(),
              mixed
                  ? new Assignment.Rows(specs, own)
                  : new Assignment.Uniform(specs.get(raised == 0 ? 0 : 1)));
      from += site.outputs();
    }
  }

  private void report(ModelTask task, List<Site> sites, double[] scores, int[] classes) {
    double[] sums = new double[sites.size()];
    int[] raised = new int[sites.size()];
    int row = 0;
    for (int s = 0; s < sums.length; s++) {
      for (int i = 0; i < sites.get(s).outputs(); i++, row++) {
        sums[s] += scores[row];
        raised[s] += classes[row];
      }
    }
    int[] ranked = Ranking.descending(sums);
    AllocationReport.Row[] rows = new AllocationReport.Row[sums.length];
    for (int rank = 0; rank < ranked.length; rank++) {
      int s = ranked[rank];
      Site site = sites.get(s);
      StoredForm form = task.storage().form(site, task.allocation()).orElseThrow();
      String level = small.text() + ", " + raised[s] + " rows " + large.text();
      long bytes = form.sized(new long[] {site.outputs(), site.inputs()}).byteSize();
      rows[s] =
          new AllocationReport.Row(
              site.name(), sums[s], rank + 1, level, bytes, Unit.weights(site));
    }
    task.allocation()
        .explain(
            new AllocationReport(
                "mixllm",
                percent + " % of the rows at " + large.text(),
                Arrays.asList(rows),
                List.of()));
  }
}

package dev.nibble.eval.report;

import dev.nibble.eval.divergence.DivergenceResult;
import dev.nibble.eval.statistics.Estimate;
import dev.nibble.eval.tasks.TaskComparison;
import dev.nibble.eval.tasks.TaskResult;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A part of a report. Lists may be empty; figures that are unknown are NaN. */
public sealed interface Section {

  /** Name in the JSON, distinct within a report. */
  String key();

  /**
   * The table to read first; its first rows also become large figures at the top of the page.
   *
   * @param rows figures before and after
   */
  record Headline(List<Measure> rows) implements Section {
    /** Copies the list. */
    public Headline {
      rows = List.copyOf(rows);
    }

    @Override
    public String key() {
      return "headline";
    }
  }

  /**
   * Error and size of every quantized site.
   *
   * @param rows in model order
   */
  record Sites(List<SiteRow> rows) implements Section {
    /** Copies the list. */
    public Sites {
      rows = List.copyOf(rows);
    }

    @Override
    public String key() {
      return "sites";
    }
  }

  /**
   * A quantized site.
   *
   * @param site canonical name, as {@code model.layers.3.mlp.down_proj}
   * @param spec text form of what it is stored as
   * @param relativeError squared output error over squared output, 0 to about 1
   * @param rtnRelativeError the same for round-to-nearest at the same spec, NaN if unknown
   * @param bitsPerWeight stored bits per original weight, scales and padding included
   * @param bytes stored bytes
   */
  record SiteRow(
      String site,
      String spec,
      double relativeError,
      double rtnRelativeError,
      double bitsPerWeight,
      long bytes) {}

  /**
   * Where the bytes are.
   *
   * @param parts as {@code "attention"}, {@code "embedding"}, {@code "scales"}
   */
  record Sizes(List<SizePart> parts) implements Section {
    /** Copies the list. */
    public Sizes {
      parts = List.copyOf(parts);
    }

    @Override
    public String key() {
      return "sizes";
    }
  }

  /**
   * A part of the model's bytes.
   *
   * @param name what it is
   * @param before bytes in the original
   * @param after bytes in the result
   */
  record SizePart(String name, long before, long after) {}

  /**
   * Distance to the original in full.
   *
   * @param result the comparison
   */
  record Distance(DivergenceResult result) implements Section {
    @Override
    public String key() {
      return "distance";
    }
  }

  /**
   * Task scores.
   *
   * @param rows one per task and metric
   */
  record Tasks(List<TaskRow> rows) implements Section {
    /** Copies the list. */
    public Tasks {
      rows = List.copyOf(rows);
    }

    @Override
    public String key() {
      return "tasks";
    }
  }

  /**
   * A metric of a task.
   *
   * @param task name and version
   * @param metric as {@code acc_norm}
   * @param conditions shots, split, limit
   * @param items scored items
   * @param before the original's score, or null
   * @param after the result's score
   * @param flips share of items whose answer or correctness changed, NaN without an original
   * @param pValue McNemar's two-sided p, NaN without an original
   */
  record TaskRow(
      String task,
      String metric,
      String conditions,
      long items,
      Estimate before,
      Estimate after,
      double flips,
      double pValue) {

    /**
     * One row per metric of a task; flips and p stand beside the first metric, which decides them.
     *
     * @param before the original's result, or null
     * @param after the result
     */
    public static List<TaskRow> of(TaskResult before, TaskResult after) {
      TaskComparison paired = before == null ? null : TaskComparison.of(before, after);
      List<TaskRow> rows = new ArrayList<>();
      for (TaskResult.Score score : after.scores()) {
        boolean first = paired != null && rows.isEmpty();
        rows.add(
            new TaskRow(
                after.task() + " v" + after.version(),
                score.metric(),
                after.conditions()
                    + (after.errors() == 0 ? "" : ", " + after.errors() + " not scored"),
                after.items(),
                before == null ? null : before.score(score.metric()),
                score.value(),
                first ? paired.flips().value() : Double.NaN,
                first ? paired.test().pValue() : Double.NaN));
      }
      return rows;
    }
  }

  /**
   * Size against quality of several results.
   *
   * @param points the results
   */
  record Frontier(List<Point> points) implements Section {
    /** Copies the list. */
    public Frontier {
      points = List.copyOf(points);
    }

    @Override
    public String key() {
      return "frontier";
    }
  }

  /**
   * A result of a comparison.
   *
   * @param label as {@code "gptq-w4-g64"}
   * @param group points of one group share a colour, as {@code "gptq"}
   * @param bitsPerWeight over the whole model
   * @param bytes file size
   * @param kld mean divergence in nats
   * @param kldError its standard error
   * @param top1 share of positions with the same top token
   * @param perplexity perplexity
   * @param seconds time to make it
   */
  record Point(
      String label,
      String group,
      double bitsPerWeight,
      long bytes,
      double kld,
      double kldError,
      double top1,
      double perplexity,
      double seconds) {}

  /**
   * Lines over a common axis, as a loss curve.
   *
   * @param key name in the JSON
   * @param heading title of the section
   * @param xLabel what the horizontal axis counts
   * @param yLabel what the vertical axis measures
   * @param series the lines
   */
  record Curves(String key, String heading, String xLabel, String yLabel, List<Series> series)
      implements Section {
    /** Copies the list. */
    public Curves {
      series = List.copyOf(series);
    }
  }

  /**
   * A line; {@code x} and {@code y} have one length.
   *
   * @param name legend
   * @param x rising abscissas
   * @param y values
   */
  record Series(String name, List<Double> x, List<Double> y) {
    /** Copies the lists. */
    public Series {
      x = List.copyOf(x);
      y = List.copyOf(y);
      if (x.size() != y.size()) {
        throw new IllegalArgumentException("series of unequal lengths");
      }
    }
  }

  /**
   * Any table.
   *
   * @param key name in the JSON
   * @param heading title of the section
   * @param lead explanation, or ""
   * @param heads of the columns; those that start with {@code <} are flush left, as is the first
   * @param rows as many cells each as there are heads
   */
  record Table(String key, String heading, String lead, List<String> heads, List<List<String>> rows)
      implements Section {
    /** Copies the lists. */
    public Table {
      heads = List.copyOf(heads);
      rows = rows.stream().map(List::copyOf).toList();
      int columns = heads.size();
      if (rows.stream().anyMatch(row -> row.size() != columns)) {
        throw new IllegalArgumentException("a row with other than " + columns + " cells");
      }
    }
  }

  /**
   * Notable things that happened: numeric rescues, fallbacks, resumes.
   *
   * @param rows in order
   */
  record EventLog(List<EventRow> rows) implements Section {
    /** Copies the list. */
    public EventLog {
      rows = List.copyOf(rows);
    }

    @Override
    public String key() {
      return "events";
    }
  }

  /**
   * An event.
   *
   * @param kind as {@code gptq.damping}
   * @param site where, or ""
   * @param what one line
   */
  record EventRow(String kind, String site, String what) {}

  /**
   * Preformatted text: a recipe, a generated sample.
   *
   * @param key name in the JSON
   * @param heading title of the section
   * @param text content, line breaks kept
   */
  record Listing(String key, String heading, String text) implements Section {}

  /**
   * Named values in order: provenance, machine, options.
   *
   * @param key name in the JSON
   * @param heading title of the section
   * @param values name to value
   */
  record Facts(String key, String heading, Map<String, String> values) implements Section {
    /** Copies the map, keeping its order. */
    public Facts {
      values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }
  }
}

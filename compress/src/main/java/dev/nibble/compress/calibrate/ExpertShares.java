package dev.nibble.compress.calibrate;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.models.Stage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which part of each batch a site reads under an {@link ExpertQuota}. Without one, every site reads
 * everything and nothing is counted.
 */
final class ExpertShares {
  private final Optional<ExpertQuota> quota;
  private final Map<String, long[]> byExpert;

  private ExpertShares(Optional<ExpertQuota> quota, Map<String, long[]> byExpert) {
    this.quota = quota;
    this.byExpert = byExpert;
  }

  /** Shares of the block's experts; with a quota, counts what each batch sends them first. */
  static ExpertShares of(BlockTask task, List<Stage> stages) {
    Optional<ExpertQuota> quota = task.notes().expertQuota();
    boolean experts =
        stages.stream().anyMatch(s -> ExpertCoverage.routed(s.sites().getFirst().name()));
    if (quota.isEmpty() || !experts) {
      return new ExpertShares(quota, Map.of());
    }
    Map<String, long[]> out = new HashMap<>();
    List<Map<String, Long>> counts = counts(task);
    for (int b = 0; b < counts.size(); b++) {
      int batch = b;
      counts
          .get(b)
          .forEach(
              (expert, rows) -> {
                long[] taken = out.computeIfAbsent(expert, e -> new long[counts.size()]);
                long before = 0;
                for (int i = 0; i < batch; i++) {
                  before += taken[i];
                }
                taken[batch] = Math.min(rows, quota.get().tokens() - before);
              });
    }
    return new ExpertShares(quota, out);
  }

  /** Tokens by expert module and batch. */
  private static List<Map<String, Long>> counts(BlockTask task) {
    List<Map<String, Long>> out = new ArrayList<>();
    for (int b = 0; b < task.batches(); b++) {
      out.add(new ConcurrentHashMap<>());
    }
    task.workers()
        .forEach(
            task.batches(),
            b ->
                CalibrationRun.observe(
                    task,
                    b,
                    (site, x) -> {
                      if (ExpertCoverage.routed(site)) {
                        out.get(b).put(ExpertCoverage.module(site), x.size(1));
                      }
                    }));
    return out;
  }

  /** True when the site reads anything of a batch. */
  boolean takes(String site, int batch, boolean everyToken) {
    if (quota.isEmpty()) {
      return true;
    }
    if (everyToken || !ExpertCoverage.routed(site)) {
      return batch < quota.get().batches();
    }
    long[] taken = byExpert.get(ExpertCoverage.module(site));
    return taken != null && taken[batch] > 0;
  }

  /** How many of the rows of a batch that reach the site it reads. */
  long rows(String site, int batch, long rows) {
    long[] taken = ExpertCoverage.routed(site) ? byExpert.get(ExpertCoverage.module(site)) : null;
    return taken == null ? rows : Math.min(rows, taken[batch]);
  }
}

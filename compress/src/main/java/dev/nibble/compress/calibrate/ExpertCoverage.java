package dev.nibble.compress.calibrate;

import dev.nibble.compress.BlockTask;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What routed experts see of the calibration data, and what is done for those that see too little:
 * their statistics come from every token of the router's input, as if all were sent to them
 * (EAQuant, sheet 21, step 8 iv); where that fails as well, solvers round to nearest.
 */
public final class ExpertCoverage {
  /** Event that lists the tokens of a layer's experts. */
  public static final String EVENT = "experts.coverage";

  /** Event of a site whose statistics are those of all tokens. */
  public static final String FEW = "experts.few-tokens";

  private static final String MARK = "." + TensorNames.EXPERTS + ".";

  private ExpertCoverage() {}

  /** True for a site of a routed expert. */
  public static boolean routed(String site) {
    return site.contains(MARK);
  }

  /** Module that a linear belongs to: the expert. */
  public static String module(String site) {
    return site.substring(0, site.lastIndexOf('.'));
  }

  /** Fewest tokens of its own that an expert's statistics are made of: a quarter of its inputs. */
  public static long minimum(Site site) {
    return Math.ceilDiv(site.inputs(), 4);
  }

  /** Replaces the Hessians of experts below the minimum, and records coverage. */
  static void complete(BlockTask task, Map<Stage, Hessian> sums, ExpertShares shares) {
    Map<String, Long> tokens = new LinkedHashMap<>();
    List<Stage> few = new ArrayList<>();
    sums.forEach(
        (stage, hessian) -> {
          Site site = stage.sites().getFirst();
          if (routed(site.name())) {
            tokens.put(module(site.name()), hessian.tokens());
            if (hessian.tokens() < minimum(site)) {
              few.add(stage);
            }
          }
        });
    boolean first = sums.keySet().stream().anyMatch(s -> !s.name().equals("down"));
    if (!tokens.isEmpty() && first) {
      record(task, tokens);
    }
    if (few.isEmpty()) {
      return;
    }
    Set<String> experts =
        few.stream().map(s -> module(s.sites().getFirst().name())).collect(Collectors.toSet());
    new HessianPass(task, few, experts, shares)
        .run()
        .forEach(
            (stage, all) -> {
              Hessian own = sums.put(stage, all);
              task.events()
                  .record(
                      FEW,
                      stage.sites().getFirst().name(),
                      own.tokens()
                          + " tokens of its own for "
                          + own.inputs()
                          + " inputs; all "
                          + all.tokens()
                          + " tokens are used");
              own.close();
            });
  }

  /**
   * Records how many calibration tokens a layer's experts see.
   *
   * @param tokens by expert module, in order of the experts
   */
  public static void record(BlockTask task, Map<String, Long> tokens) {
    long unseen = tokens.values().stream().filter(n -> n == 0).count();
    task.events()
        .record(
            EVENT,
            task.block().name(),
            tokens.values().stream().map(String::valueOf).collect(Collectors.joining(" "))
                + " tokens by expert"
                + (unseen > 0 ? "; " + unseen + " see none" : ""));
  }
}

package dev.nibble.compress.transform;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.compress.calibrate.ExpertCoverage;
import dev.nibble.compress.transform.ExpertSmoothOptions.Merge;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Block;
import dev.nibble.models.Coupling;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** One input scale for all that reads a norm: that of each reader, merged. */
final class ExpertScales {
  private final BlockTask task;
  private final Block block;
  private final ExpertSmoothOptions options;
  private final Map<String, ChannelExtremes> seen;

  /**
   * @param seen extremes by the first site of each stage
   */
  ExpertScales(BlockTask task, ExpertSmoothOptions options, Map<String, ChannelExtremes> seen) {
    this.task = task;
    this.block = task.block();
    this.options = options;
    this.seen = seen;
  }

  /** Scale of one reader that tokens reach, with its weight among the routed experts. */
  private record Own(Stage stage, double[] scale) {}

  /** The merged scale of a norm's readers; ones where nothing is ever active. */
  double[] behindNorm(Coupling coupling, MoeConfig moe) {
    double[] out = new double[coupling.width()];
    List<Own> routed = new ArrayList<>();
    for (Stage stage : block.stages()) {
      Site first = stage.sites().getFirst();
      boolean counts = first.kind() != Site.Kind.ROUTER || options.router();
      if (!coupling.consumers().contains(first.name()) || !seen.containsKey(first.name())) {
        continue;
      }
      if (ExpertCoverage.routed(first.name())) {
        routed.add(new Own(stage, own(stage)));
      } else if (counts) {
        larger(out, own(stage));
      }
    }
    if (!routed.isEmpty()) {
      larger(out, merged(routed, moe));
    }
    return capped(out);
  }

  /** {@code max|x|^α / max|W|^(1-α)} of a stage's own input and weights. */
  double[] own(Stage stage) {
    List<String> sites = stage.sites().stream().map(Site::name).toList();
    return SmoothQuant.scale(
        seen.get(sites.getFirst()).absolute(),
        SmoothQuant.weightMaxima(block, sites),
        options.alpha());
  }

  private double[] merged(List<Own> routed, MoeConfig moe) {
    double[] out = new double[routed.getFirst().scale().length];
    if (options.merge() == Merge.MAX) {
      routed.forEach(own -> larger(out, own.scale()));
      return out;
    }
    for (Merge part : List.of(Merge.SUM1, Merge.SUM2, Merge.SUM3)) {
      if (options.merge() == part || options.merge() == Merge.ALL) {
        double[] weights = weights(part, routed, moe);
        double[] sum = new double[out.length];
        for (int i = 0; i < weights.length; i++) {
          for (int j = 0; j < sum.length; j++) {
            sum[j] += weights[i] * routed.get(i).scale()[j];
          }
        }
        larger(out, sum);
      }
    }
    return out;
  }

  /** Weights of the experts that tokens reach; they add to 1. */
  private double[] weights(Merge merge, List<Own> routed, MoeConfig moe) {
    double[] out = new double[routed.size()];
    double[] probabilities = merge == Merge.SUM3 ? probabilities(moe) : null;
    for (int i = 0; i < out.length; i++) {
      String site = routed.get(i).stage().sites().getFirst().name();
      out[i] =
          switch (merge) {
            case SUM1 -> seen.get(site).tokens();
            case SUM2 -> outlierScore(routed.get(i).stage());
            default -> probabilities[index(site)];
          };
    }
    double sum = Arrays.stream(out).sum();
    Arrays.setAll(out, i -> out[i] / sum);
    return out;
  }

  private static int index(String site) {
    String module = ExpertCoverage.module(site);
    return Integer.parseInt(module.substring(module.lastIndexOf('.') + 1));
  }

  /** Largest over channels of the largest weight over the mean one. */
  private double outlierScore(Stage stage) {
    double[] best = new double[1];
    for (Site site : stage.sites()) {
      Torch.noGrad(
          () -> {
            Tensor w = block.parameter(TensorNames.weight(site.name())).abs();
            Tensor ratio =
                w.amax(new long[] {0}, false)
                    .div(
                        w.mean(new long[] {0}, false, null)
                            .clamp_min(new org.bytedeco.pytorch.Scalar(1e-12)));
            best[0] = Math.max(best[0], ratio.max().item_double());
            return null;
          });
    }
    return best[0];
  }

  /** Mean softmax of the router's logits over all calibration tokens. */
  private double[] probabilities(MoeConfig moe) {
    String router = block.name() + "." + TensorNames.ROUTER;
    double[][] sums = new double[task.batches()][];
    task.workers()
        .forEach(
            sums.length,
            b ->
                CalibrationRun.observe(
                    task,
                    b,
                    (site, x) -> {
                      if (site.equals(router)) {
                        Tensor w = block.parameter(TensorNames.weight(router));
                        Tensor p = torch.softmax(torch.linear(x, w), -1).to(ScalarType.Double);
                        sums[b] = Torch.toDoubles(p.view(-1, moe.experts()).sum(0));
                      }
                    }));
    double[] out = new double[moe.experts()];
    for (double[] batch : sums) {
      for (int e = 0; e < out.length; e++) {
        out[e] += batch[e];
      }
    }
    return out;
  }

  private double[] capped(double[] scale) {
    double[] sorted = scale.clone();
    Arrays.sort(sorted);
    double most = OutlierScale.quantile(sorted, options.cap() / 100);
    for (int j = 0; j < scale.length; j++) {
      scale[j] = scale[j] == 0 ? 1 : Math.min(scale[j], most);
    }
    return scale;
  }

  private static void larger(double[] out, double[] other) {
    for (int j = 0; j < out.length; j++) {
      out[j] = Math.max(out[j], other[j]);
    }
  }
}

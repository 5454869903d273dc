package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.compress.solve.Objective;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Relative output errors of stored weights on the first calibration batch, for the report. */
final class SiteErrors {
  private SiteErrors() {}

  /**
   * A weight and what it may be stored as, {@code [outputs, inputs]} each.
   *
   * @param stored what will be stored
   * @param rounded the weight rounded to nearest, to compare with
   */
  record Candidate(Site site, float[] weight, float[] stored, float[] rounded) {}

  /**
   * {@code ‖X(W-Ŵ)ᵀ‖² / ‖XWᵀ‖²} of the stored and of the rounded weight, by site; of the weights
   * alone where the batch does not reach the site.
   */
  static Map<String, double[]> of(BlockTask task, List<Candidate> candidates) {
    Map<String, Candidate> bySite = new HashMap<>();
    candidates.forEach(c -> bySite.put(c.site().name(), c));
    Map<String, double[]> out = new ConcurrentHashMap<>();
    CalibrationRun.observe(
        task,
        0,
        (site, x) -> {
          Candidate candidate = bySite.get(site);
          if (candidate != null) {
            out.put(site, errors(candidate, x.reshape(-1, candidate.site().inputs())));
          }
        });
    for (Candidate c : candidates) {
      out.computeIfAbsent(
          c.site().name(),
          site ->
              new double[] {
                Objective.relative(c.weight(), c.stored()),
                Objective.relative(c.weight(), c.rounded())
              });
    }
    return out;
  }

  private static double[] errors(Candidate candidate, Tensor x) {
    double[] out = new double[2];
    Torch.run(
        () -> {
          double norm = square(x, candidate, candidate.weight());
          out[0] =
              Objective.ratio(
                  square(x, candidate, minus(candidate.weight(), candidate.stored())), norm);
          out[1] =
              Objective.ratio(
                  square(x, candidate, minus(candidate.weight(), candidate.rounded())), norm);
        });
    return out;
  }

  private static double square(Tensor x, Candidate candidate, float[] w) {
    Site site = candidate.site();
    Tensor matrix = Torch.fromFloats(w, site.outputs(), site.inputs());
    Tensor y = torch.matmul(x, matrix.t());
    return Samples.meanSquare(y);
  }

  private static float[] minus(float[] a, float[] b) {
    float[] out = new float[a.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = a[i] - b[i];
    }
    return out;
  }
}

package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Site;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/**
 * Ends the work on a site: keeps the better of a solver's result and round-to-nearest, by their
 * error on the calibration inputs, stores it and records both errors.
 */
public final class SiteOutcome {
  private SiteOutcome() {}

  /**
   * Stores the better tensor. When the solver lost, that becomes the event {@code STEP.kept-rtn}.
   *
   * @param step recipe key of the solver
   * @param spec text form of what is stored
   * @param w the weight that was to be approximated, {@code [outputs, inputs]}
   * @param rtn the same rounded to nearest, in the same stored form
   * @param solved the solver's result; empty when it has none
   * @param inputs fp32 Hessian of the site's inputs, {@code [inputs, inputs]}
   */
  public static void keepBetter(
      BlockTask task,
      Site site,
      String step,
      String spec,
      float[] w,
      PackedTensor rtn,
      Optional<? extends PackedTensor> solved,
      Tensor inputs) {
    double norm = Objective.error(w, null, inputs, task.workers());
    double rtnError = Objective.error(w, rtn.toFloats(), inputs, task.workers());
    double error =
        solved.isPresent()
            ? Objective.error(w, solved.get().toFloats(), inputs, task.workers())
            : Double.POSITIVE_INFINITY;
    boolean keepRtn = !(error <= rtnError);
    if (keepRtn && solved.isPresent()) {
      task.events()
          .record(step + ".kept-rtn", site.name(), "error " + error + " against " + rtnError);
    }
    PackedTensor best = keepRtn ? rtn : solved.orElseThrow();
    SiteWeights.store(task, site, w, best);
    task.events()
        .solved(
            site.name(),
            spec,
            Objective.ratio(keepRtn ? rtnError : error, norm),
            Objective.ratio(rtnError, norm));
  }
}

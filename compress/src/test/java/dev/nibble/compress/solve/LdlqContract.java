package dev.nibble.compress.solve;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;

/** The step quip without maps, on the grids of specs: adaptive rounding as any other solver. */
class LdlqContract extends SolverContract {
  @Override
  protected String step() {
    return "quip";
  }

  @Override
  protected ObjectNode options() {
    return super.options().put("qfn", "a").put("incoherence", "none").put("rescale", false);
  }

  @Override
  protected byte[] solveAgain(AffineTensor solved, QuantSpec spec) {
    int n = solved.columns();
    int top = (1 << spec.bits()) - 1;
    return GptqCases.withHessian(
        GptqCases.correlatedHessian(n, 5 * n, 9),
        (hessian, workers) -> {
          LdlFactor factor = LdlFactor.of(hessian, 0.01).orElseThrow();
          Ldlq ldlq =
              new Ldlq(
                  factor,
                  (row, column) -> {
                    int group = solved.groupOf(column);
                    return new CodeGrid(solved.scale(row, group), solved.zero(row, group), 0, top);
                  },
                  solved.toFloats());
          byte[] codes = ldlq.round(null, workers);
          ldlq.greedy(codes, 1, workers);
          return codes;
        });
  }
}

package dev.nibble.compress.solve;

import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;

/** The solvers' contract for {@code gptq}. */
abstract class GptqContract extends SolverContract {

  @Override
  protected String step() {
    return "gptq";
  }

  @Override
  protected byte[] solveAgain(AffineTensor solved, QuantSpec spec) {
    int n = solved.columns();
    return GptqCases.withHessian(
        GptqCases.correlatedHessian(n, 5 * n, 9),
        (hessian, workers) ->
            Gptq.solveOn(
                    solved,
                    solved.toFloats(),
                    Curvature.of(hessian, 0.01, true, workers).orElseThrow(),
                    spec,
                    GptqOptions.DEFAULT,
                    workers)
                .codes());
  }
}

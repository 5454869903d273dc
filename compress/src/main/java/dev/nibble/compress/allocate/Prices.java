package dev.nibble.compress.allocate;

import java.util.List;
import org.ojalgo.optimisation.Expression;
import org.ojalgo.optimisation.ExpressionsBasedModel;
import org.ojalgo.optimisation.Optimisation;
import org.ojalgo.optimisation.Variable;

/**
 * What one unit of each limit is worth: the dual of the linear relaxation of a {@link
 * ChoiceProblem}, solved by ojAlgo's simplex,
 *
 * <pre>
 *   max Σᵢ μᵢ − Σ_k λ_k most_k   subject to   μᵢ ≤ cost[i][j] + Σ_k λ_k use_k[i][j],  λ ≥ 0
 * </pre>
 *
 * Any prices give a valid bound; these give the best. So a solver that stops early costs time and
 * nothing else.
 */
final class Prices {
  private Prices() {}

  /** {@code λ}, one for each limit; zeros when the relaxation has no solution. */
  static double[] of(double[][] cost, List<ChoiceProblem.Limit> limits) {
    double costScale = scale(cost);
    ExpressionsBasedModel model = new ExpressionsBasedModel();
    Variable[] price = new Variable[limits.size()];
    for (int k = 0; k < price.length; k++) {
      // prices in units of the whole limit, costs in units of the largest
      price[k] = model.newVariable("price" + k).lower(0).upper(1e9).weight(1);
    }
    for (int i = 0; i < cost.length; i++) {
      // how far μᵢ lies below the largest cost of the item; of either sign
      Variable below = model.newVariable("item" + i).lower(-1e9).upper(1e9).weight(1);
      for (int j = 0; j < cost[i].length; j++) {
        Expression bound = model.newExpression("option" + i + "." + j);
        bound.set(below, 1);
        for (int k = 0; k < price.length; k++) {
          bound.set(price[k], limits.get(k).use()[i][j] / limits.get(k).most());
        }
        bound.lower((max(cost[i]) - cost[i][j]) / costScale);
      }
    }
    Optimisation.Result result = model.minimise();
    double[] out = new double[limits.size()];
    if (result.getState().isFeasible()) {
      for (int k = 0; k < out.length; k++) {
        out[k] = result.doubleValue(k) * costScale / limits.get(k).most();
      }
    }
    return out;
  }

  private static double scale(double[][] cost) {
    double scale = 0;
    for (double[] row : cost) {
      scale = Math.max(scale, max(row));
    }
    return scale > 0 ? scale : 1;
  }

  private static double max(double[] row) {
    double max = Double.NEGATIVE_INFINITY;
    for (double v : row) {
      max = Math.max(max, v);
    }
    return max;
  }
}

package dev.nibble.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ChoiceProblemTest {

  /** A random instance: costs fall and uses rise with the option, most of the time. */
  private record Instance(double[][] cost, double[][][] use, double[] most) {
    static Instance random(SplittableRandom random, int items, int options, int limits) {
      double[][] cost = new double[items][options];
      double[][][] use = new double[limits][items][options];
      double[] most = new double[limits];
      for (int i = 0; i < items; i++) {
        double weight = Math.exp(2 * random.nextGaussian());
        int size = 1 + random.nextInt(4);
        for (int j = 0; j < options; j++) {
          cost[i][j] = weight * Math.pow(4, -j) * (1 + 0.3 * random.nextDouble());
          for (int k = 0; k < limits; k++) {
            use[k][i][j] = size * (2 + j + (k == 0 ? 0 : random.nextInt(3)));
          }
        }
      }
      for (int k = 0; k < limits; k++) {
        double least = 0;
        double all = 0;
        for (double[] row : use[k]) {
          least += row[0];
          all += row[options - 1];
        }
        most[k] = least + (all - least) * (random.nextDouble() * 1.2 - 0.1);
      }
      return new Instance(cost, use, most);
    }

    Optional<ChoiceProblem.Solution> solve() {
      ChoiceProblem problem = new ChoiceProblem(cost);
      for (int k = 0; k < most.length; k++) {
        problem.limit(use[k], most[k]);
      }
      return problem.solve();
    }

    double bruteForce() {
      return bruteForce(0, 0, new double[most.length]);
    }

    private double bruteForce(int item, double sum, double[] used) {
      for (int k = 0; k < used.length; k++) {
        if (used[k] > most[k]) {
          return Double.POSITIVE_INFINITY;
        }
      }
      if (item == cost.length) {
        return sum;
      }
      double best = Double.POSITIVE_INFINITY;
      for (int j = 0; j < cost[item].length; j++) {
        double[] now = used.clone();
        for (int k = 0; k < used.length; k++) {
          now[k] += use[k][item][j];
        }
        best = Math.min(best, bruteForce(item + 1, sum + cost[item][j], now));
      }
      return best;
    }
  }

  @Test
  void equalsBruteForceOnRandomInstances() {
    SplittableRandom random = new SplittableRandom(9);
    int infeasible = 0;
    for (int trial = 0; trial < 200; trial++) {
      Instance instance = Instance.random(random, 1 + random.nextInt(10), 3, 1 + random.nextInt(2));
      double expected = instance.bruteForce();
      Optional<ChoiceProblem.Solution> found = instance.solve();
      if (Double.isInfinite(expected)) {
        assertThat(found).as("trial %d", trial).isEmpty();
        infeasible++;
      } else {
        assertThat(found.orElseThrow().cost())
            .as("trial %d", trial)
            .isCloseTo(expected, within(1e-8 * expected));
        assertThat(found.orElseThrow().gap()).isZero();
      }
    }
    assertThat(infeasible).isBetween(5, 100);
  }

  @Test
  void aTighterLimitNeverCostsLess() {
    Instance instance = Instance.random(new SplittableRandom(4), 40, 5, 1);
    double before = 0;
    for (double share = 1.5; share >= 1.05; share -= 0.05) {
      double least = 0;
      for (double[] row : instance.use()[0]) {
        least += row[0];
      }
      Instance tighter =
          new Instance(instance.cost(), instance.use(), new double[] {share * least});
      double now = tighter.solve().orElseThrow().cost();
      assertThat(now).isGreaterThanOrEqualTo(before);
      before = now;
    }
  }

  @Test
  void hundredsOfItemsComeWithinAThousandthOfTheBound() {
    for (int seed = 0; seed < 3; seed++) {
      Instance instance = Instance.random(new SplittableRandom(seed), 210, 8, 1);
      double least = 0;
      for (double[] row : instance.use()[0]) {
        least += row[0];
      }
      ChoiceProblem.Solution found =
          new Instance(instance.cost(), instance.use(), new double[] {Math.rint(1.4 * least)})
              .solve()
              .orElseThrow();
      assertThat(found.gap()).isLessThan(1e-3 * found.cost());
    }
  }
}

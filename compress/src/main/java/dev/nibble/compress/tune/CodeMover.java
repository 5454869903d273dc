package dev.nibble.compress.tune;

import dev.nibble.compress.block.Seeds;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * One step of PV-Tuning on one weight (sheet 31, steps 8 to 11): values first, then an aim from a
 * step of the optimizer, then new codes for the groups that the aim has moved furthest. Not
 * thread-safe.
 *
 * <p>Memory: the second moment and, unless all of the accumulated update is forgotten after each
 * step, the aim: 4 bytes a weight each.
 */
final class CodeMover {
  private static final double EPSILON = 1e-6;

  private final QuantizedWeight weight;
  private final PvOptions options;
  private final float[] second;
  private final float[] first;
  private final float[] buffer;
  private final int[] steps = new int[1];

  CodeMover(QuantizedWeight weight, PvOptions options) {
    this.weight = weight;
    this.options = options;
    boolean moves = options.updateCodes() && options.strategy().movesCodes();
    boolean keeps = moves && options.code().decay() < 1 && !options.strategy().smallSteps();
    this.second = new float[moves ? weight.elements() : 0];
    this.first = new float[moves && options.code().adam().beta1() > 0 ? second.length : 0];
    this.buffer = keeps ? weight.value() : new float[0];
  }

  /** The weight. */
  QuantizedWeight weight() {
    return weight;
  }

  /** Live arrays that a checkpoint keeps, by name. */
  Map<String, Object> state() {
    Map<String, Object> out = new LinkedHashMap<>(weight.values());
    out.putAll(weight.moments());
    out.put("second", second);
    out.put("first", first);
    out.put("buffer", buffer);
    out.put("steps", steps);
    return out;
  }

  /**
   * Changes values and codes.
   *
   * @param gradient of the loss with respect to the weight, row-major, finite
   * @param seed of the step
   * @return number of groups whose codes have changed
   */
  int step(float[] gradient, long seed) {
    if (options.updateValues()) {
      weight.moveValues(gradient);
    }
    if (second.length == 0) {
      return 0;
    }
    // after the values: codes that only follow them must not count as moved
    float[] now = weight.value();
    float[] aim = aim(now, gradient);
    int changed = moveCodes(now, aim, seed);
    if (buffer.length > 0) {
      float decay = (float) options.code().decay();
      float[] after = decay > 0 ? weight.value() : aim;
      for (int i = 0; i < buffer.length; i++) {
        buffer[i] = (1 - decay) * aim[i] + decay * after[i];
      }
    }
    return changed;
  }

  /** {@code y⁺}: where a step of the optimizer takes the weight. */
  private float[] aim(float[] now, float[] gradient) {
    float[] base = buffer.length > 0 ? buffer : now;
    float[] update = update(gradient);
    double rate =
        options.strategy().smallSteps() ? options.values().rate() : options.code().adam().rate();
    if (options.code().lamb() && !options.strategy().smallSteps()) {
      double size = norm(update);
      rate *= size == 0 ? 0 : norm(base) / size;
    }
    float[] out = new float[base.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = base[i] - (float) rate * update[i];
    }
    return out;
  }

  private float[] update(float[] gradient) {
    PvOptions.Adam adam = options.code().adam();
    int step = ++steps[0];
    float b1 = (float) adam.beta1();
    float b2 = (float) adam.beta2();
    boolean debias = options.code().debias();
    float correction1 = debias ? (float) (1 - Math.pow(adam.beta1(), step)) : 1;
    float correction2 = debias ? (float) Math.sqrt(1 - Math.pow(adam.beta2(), step)) : 1;
    float[] out = new float[gradient.length];
    for (int i = 0; i < out.length; i++) {
      float g = gradient[i];
      second[i] = b2 * second[i] + (1 - b2) * g * g;
      if (first.length > 0) {
        first[i] = b1 * first[i] + (1 - b1) * g;
        g = first[i];
      }
      out[i] = g / correction1 / ((float) Math.sqrt(second[i]) / correction2 + (float) EPSILON);
    }
    return out;
  }

  private static double norm(float[] values) {
    double sum = 0;
    for (float v : values) {
      sum += (double) v * v;
    }
    return Math.sqrt(sum);
  }

  private int moveCodes(float[] now, float[] aim, long seed) {
    int groups = weight.groups();
    double[] moved = new double[groups];
    for (int group = 0; group < groups; group++) {
      int from = weight.first(group);
      double sum = 0;
      for (int i = from; i < from + weight.size(group); i++) {
        sum += (double) (aim[i] - now[i]) * (aim[i] - now[i]);
      }
      moved[group] = sum;
    }
    int[] chosen = choose(moved, seed);
    int[][] codes =
        weight.propose(
            chosen,
            aim,
            new QuantizedWeight.Choice(
                options.code().beamSize(),
                options.code().force(),
                options.strategy() == PvStrategy.STOCHASTIC_ROUNDING,
                Seeds.derive(seed, "codes")));
    return accept(chosen, codes, norm(now));
  }

  /** The groups whose codes may change, furthest moved first. */
  private int[] choose(double[] moved, long seed) {
    int count = (int) Math.min(moved.length, Math.ceil(options.code().share() * moved.length));
    double[] keys = moved;
    if (options.code().temperature() > 0) {
      // the largest of log weights with Gumbel noise are a sample without replacement
      SplittableRandom random = new SplittableRandom(Seeds.derive(seed, "groups"));
      keys = new double[moved.length];
      for (int i = 0; i < keys.length; i++) {
        double gumbel = -Math.log(-Math.log(random.nextDouble(Double.MIN_NORMAL, 1)));
        keys[i] = Math.log(moved[i]) / (2 * options.code().temperature()) + gumbel;
      }
    }
    return largest(keys, count);
  }

  /** Indices of the {@code count} largest keys, largest first, ties by index. */
  static int[] largest(double[] keys, int count) {
    if (count == 0) {
      return new int[0];
    }
    double[] sorted = keys.clone();
    Arrays.sort(sorted);
    double least = sorted[sorted.length - count];
    int[] above = new int[count];
    int n = 0;
    for (int i = 0; i < keys.length; i++) {
      if (keys[i] > least) {
        above[n++] = i;
      }
    }
    for (int i = 0; n < count && i < keys.length; i++) {
      if (keys[i] == least) {
        above[n++] = i;
      }
    }
    return Arrays.stream(above, 0, n)
        .boxed()
        .sorted(
            (a, b) ->
                Double.compare(keys[b], keys[a]) != 0 ? Double.compare(keys[b], keys[a]) : a - b)
        .mapToInt(i -> i)
        .toArray();
  }

  /** Takes changes in order while they stay within the trust ratio, the first in any case. */
  private int accept(int[] groups, int[][] codes, double norm) {
    double limit =
        options.code().trustRatio() == 0
            ? Double.POSITIVE_INFINITY
            : options.code().trustRatio() * norm * options.code().trustRatio() * norm;
    double sum = 0;
    int changed = 0;
    for (int i = 0; i < groups.length; i++) {
      double change = weight.change(groups[i], codes[i]);
      if (change > 0 && changed > 0 && sum + change > limit) {
        break;
      }
      sum += change;
      changed += weight.accept(groups[i], codes[i]) ? 1 : 0;
    }
    return changed;
  }
}

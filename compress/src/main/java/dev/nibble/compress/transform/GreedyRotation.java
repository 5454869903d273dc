package dev.nibble.compress.transform;

import dev.nibble.core.transform.SeededOrthogonal;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One rotation for all blocks of a linear's input, from greedy steps (DuQuant, Lin et al. 2024,
 * section 3.2; sheet 21a, steps 2 and 3): each step finds the largest and the smallest value, and
 * turns the block so that the larger in magnitude is spread evenly over the block. What is kept are
 * the steps up to the one after which the range of values was smallest.
 *
 * <p>The turn is {@code R_t = S R S}, with S the exchange of coordinate 0 with the value's, and R
 * an orthogonal matrix whose first row is constant: {@code R = diag(1, Q) R̃}, R̃ the reflection
 * that takes the first axis to the diagonal, Q random. (With Q on the right the first row would not
 * stay constant.)
 */
final class GreedyRotation {
  private static final double ORTHOGONAL = 1e-5;

  private final int block;
  private final Tensor base;
  private final Tensor wide;

  /**
   * Takes a scope of {@link Torch} around.
   *
   * @param seed of Q
   */
  GreedyRotation(int block, long seed) {
    this.block = block;
    double[] r = base(block, seed);
    this.wide = Torch.fromDoubles(r, block, block);
    this.base = wide.to(ScalarType.Float);
  }

  /** R, row-major. */
  static double[] base(int block, long seed) {
    double[] q = {1};
    if (block > 1) {
      q =
          SeededOrthogonal.draw(SeededOrthogonal.Form.DENSE, block - 1, seed)
              .rounds()
              .getFirst()
              .right();
    }
    double first = 1 / Math.sqrt(block);
    double[] out = new double[block * block];
    for (int j = 0; j < block; j++) {
      out[j] = first;
      for (int i = 1; i < block; i++) {
        double sum = 0;
        for (int k = 1; k < block; k++) {
          sum += q[(i - 1) * (block - 1) + k - 1] * reflection(k, j, block);
        }
        out[i * block + j] = sum;
      }
    }
    return out;
  }

  /** {@code I - 2 v vᵀ / vᵀv} with {@code v = e₀ - 1/√B}: its first row and column are 1/√B. */
  private static double reflection(int i, int k, int block) {
    double first = 1 / Math.sqrt(block);
    if (block == 1) {
      return 1;
    }
    double vi = (i == 0 ? 1 : 0) - first;
    double vk = (k == 0 ? 1 : 0) - first;
    return (i == k ? 1 : 0) - vi * vk / (1 - first);
  }

  /**
   * A chosen rotation.
   *
   * @param matrix row-major {@code [block, block]}; null for the identity
   * @param steps steps taken
   * @param before range of the values, largest minus smallest
   * @param after range of the rotated values
   */
  record Choice(double[] matrix, int steps, double before, double after) {}

  /**
   * Chooses the rotation of some inputs.
   *
   * @param x {@code [tokens, width]}, fp32
   * @param most steps that are tried
   */
  Choice choose(Tensor x, int most) {
    return Torch.scope(
        () -> {
          List<Integer> places = new ArrayList<>();
          Tensor rows = x.reshape(-1, block).clone();
          double before = 0;
          double best = 0;
          int kept = 0;
          for (int step = 0; ; step++) {
            Extreme extreme = Extreme.of(rows, block);
            if (step == 0) {
              before = extreme.range();
              best = before;
            } else if (extreme.range() < best) {
              best = extreme.range();
              kept = step;
            }
            if (step == most) {
              break;
            }
            places.add(extreme.place());
            Tensor next = turned(rows, base, extreme.place());
            rows.close();
            rows = next;
          }
          return new Choice(product(places.subList(0, kept)), kept, before, best);
        });
  }

  /** {@code x S R S}. */
  private Tensor turned(Tensor x, Tensor r, int place) {
    return Torch.scope(
        () -> {
          Tensor exchange = exchange(place);
          return x.index_select(1, exchange).mm(r).index_select(1, exchange);
        });
  }

  private Tensor exchange(int place) {
    long[] index = new long[block];
    for (int i = 0; i < block; i++) {
      index[i] = i == 0 ? place : i == place ? 0 : i;
    }
    return Torch.fromLongs(index, block);
  }

  /** The product of all turns in fp64, made orthogonal again should it have drifted. */
  private double[] product(List<Integer> places) {
    if (places.isEmpty()) {
      return null;
    }
    return Torch.scope(
        () -> {
          Tensor unit = torch.eye(block, new TensorOptions(ScalarType.Double));
          Tensor total = unit;
          for (int place : places) {
            total = turned(total, wide, place);
          }
          double drift = total.t().mm(total).sub(unit).abs().max().item_double();
          return Torch.toDoubles(drift > ORTHOGONAL ? orthogonal(total) : total);
        });
  }

  private static Tensor orthogonal(Tensor m) {
    var qr = torch.linalg_qr(m);
    return qr.get0().mul(qr.get1().diagonal().sign()).contiguous();
  }

  /**
   * The extremes of an array.
   *
   * @param range largest minus smallest value
   * @param place column of the one of larger magnitude
   */
  private record Extreme(double range, int place) {
    static Extreme of(Tensor rows, int block) {
      return Torch.scope(
          () -> {
            Tensor flat = rows.reshape(-1);
            long high = flat.argmax().item_long();
            long low = flat.argmin().item_long();
            double top = flat.select(0, high).item_double();
            double bottom = flat.select(0, low).item_double();
            long place = Math.abs(top) >= Math.abs(bottom) ? high : low;
            return new Extreme(top - bottom, (int) (place % block));
          });
    }
  }
}

package dev.nibble.compress.tune;

import dev.nibble.compress.codebook.ArrayAdam;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BitPacking;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Integer codes on a scalar grid: a group is one weight, the values are the scales. Zero-points are
 * stored as integers and stay; so do scales that only powers of two can be.
 */
final class GridWeight implements QuantizedWeight {
  /** Part of a scale that one step leaves of it at least. */
  private static final float LEAST = 0.1f;

  private static final float HALF_MAX = 65504f;

  private final AffineTensor tensor;
  private final int columns;
  private final int[] codes;
  private final float[] scales;
  private final int[] zeros;
  private final int[] groupOf;
  private final ArrayAdam adam;

  GridWeight(AffineTensor tensor, ArrayAdam.Rule rule) {
    this.tensor = tensor;
    this.columns = tensor.columns();
    int rows = Math.toIntExact(tensor.rows());
    int perRow = tensor.groupSize() == 0 ? 0 : tensor.groupsPerRow();
    this.codes = new int[Math.multiplyExact(rows, columns)];
    this.groupOf = new int[codes.length];
    this.scales = new float[perRow == 0 ? 1 : rows * perRow];
    this.zeros = new int[scales.length];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        int group = tensor.groupOf(c);
        int at = r * columns + c;
        groupOf[at] = perRow == 0 ? 0 : r * perRow + group;
        codes[at] = tensor.code(r, c);
        scales[groupOf[at]] = tensor.scale(r, group);
        zeros[groupOf[at]] = tensor.zero(r, group);
      }
    }
    this.adam = new ArrayAdam(rule, scales.length);
  }

  @Override
  public int elements() {
    return codes.length;
  }

  private float value(int at, int code) {
    return scales[groupOf[at]] * (code - zeros[groupOf[at]]);
  }

  @Override
  public float[] value() {
    float[] out = new float[codes.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = value(i, codes[i]);
    }
    return out;
  }

  @Override
  public void moveValues(float[] gradient) {
    if (tensor.scaleFormat() == ScaleFormat.E8M0 || tensor.scaleFormat() == ScaleFormat.E4M3) {
      return;
    }
    double[] sums = new double[scales.length];
    for (int i = 0; i < codes.length; i++) {
      sums[groupOf[i]] += (double) gradient[i] * (codes[i] - zeros[groupOf[i]]);
    }
    float[] scaleGradient = new float[scales.length];
    for (int i = 0; i < sums.length; i++) {
      scaleGradient[i] = (float) sums[i];
    }
    float[] before = scales.clone();
    adam.step(scales, scaleGradient);
    for (int i = 0; i < scales.length; i++) {
      scales[i] = Math.clamp(scales[i], before[i] * LEAST, HALF_MAX); // scales are positive
    }
  }

  @Override
  public int groups() {
    return codes.length;
  }

  @Override
  public int first(int group) {
    return group;
  }

  @Override
  public int size(int group) {
    return 1;
  }

  @Override
  public int[][] propose(int[] groups, float[] target, Choice choice) {
    SplittableRandom random = new SplittableRandom(choice.seed());
    int top = (1 << tensor.bits()) - 1;
    int[][] out = new int[groups.length][];
    for (int i = 0; i < out.length; i++) {
      int at = groups[i];
      float scale = scales[groupOf[at]];
      if (scale == 0) {
        out[i] = new int[] {codes[at]};
        continue;
      }
      double exact = Math.clamp((double) target[at] / scale + zeros[groupOf[at]], 0.0, top);
      int code = (int) Math.rint(exact);
      if (choice.random()) {
        int low = (int) Math.floor(exact);
        code = Math.min(top, random.nextDouble() < exact - low ? low + 1 : low);
      }
      if (choice.force() && code == codes[at]) {
        code = Math.clamp(exact >= code ? code + 1L : code - 1L, 0, top);
      }
      out[i] = new int[] {code};
    }
    return out;
  }

  @Override
  public double change(int group, int[] code) {
    double difference = (double) value(group, code[0]) - value(group, codes[group]);
    return difference * difference;
  }

  @Override
  public boolean accept(int group, int[] code) {
    boolean changes = codes[group] != code[0];
    codes[group] = code[0];
    return changes;
  }

  @Override
  public PackedTensor pack() {
    int rows = codes.length / Math.max(1, columns);
    int stride = (int) AffineTensor.rowStride(columns, tensor.bits());
    byte[] packed = new byte[rows * stride];
    for (int r = 0; r < rows; r++) {
      BitPacking.packWide(codes, r * columns, columns, tensor.bits(), packed, r * stride);
    }
    ScaleFormat format = tensor.scaleFormat();
    MemorySegment stored = MemorySegment.ofArray(new byte[scales.length * format.bytes()]);
    for (int i = 0; i < scales.length; i++) {
      format.set(stored, i, format.round(scales[i]));
    }
    return new AffineTensor(
        tensor.shape(),
        tensor.bits(),
        tensor.groupSize(),
        format,
        MemorySegment.ofArray(packed),
        stored,
        tensor.zeros(),
        tensor.groupIndex());
  }

  @Override
  public Map<String, Object> values() {
    return Map.of("codes", codes, "scales", scales);
  }

  @Override
  public Map<String, Object> moments() {
    Map<String, Object> out = new LinkedHashMap<>();
    adam.state().forEach((name, array) -> out.put("scales." + name, array));
    return out;
  }
}

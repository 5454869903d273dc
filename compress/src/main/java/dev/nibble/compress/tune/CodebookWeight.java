package dev.nibble.compress.tune;

import dev.nibble.compress.codebook.ArrayAdam;
import dev.nibble.compress.codebook.CodebookMatrix;
import dev.nibble.compress.codebook.NearestCodes;
import dev.nibble.core.tensor.CodebookTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** Sums of codewords. */
final class CodebookWeight implements QuantizedWeight {
  private final CodebookMatrix matrix;
  private final ArrayAdam words;
  private final ArrayAdam scales;

  CodebookWeight(CodebookTensor tensor, ArrayAdam.Rule adam) {
    this.matrix = CodebookMatrix.of(tensor);
    this.words = new ArrayAdam(adam, matrix.words().length);
    this.scales = new ArrayAdam(adam, matrix.scales().length);
  }

  @Override
  public int elements() {
    return matrix.rows() * matrix.columns();
  }

  @Override
  public float[] value() {
    return matrix.values();
  }

  @Override
  public void moveValues(float[] gradient) {
    float[] wordGradient = new float[matrix.words().length];
    float[] scaleGradient = new float[matrix.scales().length];
    matrix.addGradients(0, matrix.rows(), gradient, wordGradient, scaleGradient);
    words.step(matrix.words(), wordGradient);
    scales.step(matrix.scales(), scaleGradient);
  }

  private int perRow() {
    return matrix.layout().groups(matrix.columns());
  }

  @Override
  public int groups() {
    return matrix.rows() * perRow();
  }

  @Override
  public int first(int group) {
    return group / perRow() * matrix.columns() + column(group);
  }

  private int column(int group) {
    return group % perRow() * matrix.layout().groupSize();
  }

  @Override
  public int size(int group) {
    return Math.min(matrix.layout().groupSize(), matrix.columns() - column(group));
  }

  @Override
  public int[][] propose(int[] groups, float[] target, Choice choice) {
    int kept = choice.force() || choice.random() ? Math.max(2, choice.beam()) : choice.beam();
    NearestCodes.Found found = NearestCodes.search(matrix, groups, target, kept);
    SplittableRandom random = new SplittableRandom(choice.seed());
    int[][] out = new int[groups.length][];
    for (int i = 0; i < out.length; i++) {
      int[][] candidates = found.codes()[i];
      int chosen = 0;
      if (choice.force()
          && candidates.length > 1
          && Arrays.equals(candidates[0], codes(groups[i]))) {
        chosen = 1;
      }
      if (choice.random() && candidates.length > 1) {
        double near = Math.sqrt(found.squares()[i][0]);
        double far = Math.sqrt(found.squares()[i][1]);
        chosen = random.nextDouble() * (near + far) < far ? 0 : 1;
      }
      out[i] = candidates[chosen];
    }
    return out;
  }

  private int[] codes(int group) {
    int m = matrix.layout().codebooks();
    return Arrays.copyOfRange(matrix.codes(), group * m, (group + 1) * m);
  }

  @Override
  public double change(int group, int[] codes) {
    int row = group / perRow();
    int g = matrix.layout().groupSize();
    int book = matrix.layout().codewords() * g;
    int[] before = codes(group);
    double sum = 0;
    for (int i = 0; i < size(group); i++) {
      float difference = 0;
      for (int m = 0, at = matrix.setOffset(row); m < codes.length; m++, at += book) {
        difference +=
            matrix.words()[at + codes[m] * g + i] - matrix.words()[at + before[m] * g + i];
      }
      sum += (double) difference * difference;
    }
    return sum * matrix.scale(row) * matrix.scale(row);
  }

  @Override
  public boolean accept(int group, int[] codes) {
    boolean changes = !Arrays.equals(codes, codes(group));
    System.arraycopy(codes, 0, matrix.codes(), group * codes.length, codes.length);
    return changes;
  }

  @Override
  public PackedTensor pack() {
    return matrix.pack();
  }

  @Override
  public Map<String, Object> values() {
    return Map.of("codes", matrix.codes(), "words", matrix.words(), "scales", matrix.scales());
  }

  @Override
  public Map<String, Object> moments() {
    Map<String, Object> out = new LinkedHashMap<>();
    words.state().forEach((name, array) -> out.put("words." + name, array));
    scales.state().forEach((name, array) -> out.put("scales." + name, array));
    return out;
  }
}

package dev.nibble.compress.codebook;

import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.tensor.CodebookPacker;
import dev.nibble.core.tensor.CodebookTensor;
import java.util.Arrays;

/**
 * A weight {@code [rows, columns]} as codes, codewords and scales that can still change, in fp32;
 * the arrays are live. Not thread-safe for writes; rows may be read and their codes written by
 * different threads at once.
 */
public final class CodebookMatrix {
  private final CodebookLayout layout;
  private final int rows;
  private final int columns;
  private final int[] codes;
  private final float[] words;
  private final float[] scales;
  private final int[] classes;

  /**
   * Takes over the arrays.
   *
   * @param codes {@code [rows, groups, M]}
   * @param words {@code [sets, M, 2^B, g]}
   * @param scales {@code [rows]}, {@code [row groups]} or empty
   * @param classes class of each row; may be null for one class
   */
  public CodebookMatrix(
      CodebookLayout layout,
      int rows,
      int columns,
      int[] codes,
      float[] words,
      float[] scales,
      int[] classes) {
    this.layout = layout;
    this.rows = rows;
    this.columns = columns;
    this.codes = codes;
    this.words = words;
    this.scales = scales;
    this.classes = classes == null ? new int[rows] : classes;
  }

  /** What a stored tensor holds. */
  public static CodebookMatrix of(CodebookTensor tensor) {
    int rows = Math.toIntExact(tensor.rows());
    CodebookLayout layout = tensor.layout();
    int perRow = layout.codes(tensor.columns());
    int[] codes = new int[rows * perRow];
    int[] classes = new int[rows];
    float[] scales = new float[Math.toIntExact(layout.scaleCount(rows))];
    for (int r = 0; r < rows; r++) {
      tensor.rowCodes(r, codes, r * perRow);
      classes[r] = tensor.rowClass(r);
      if (scales.length > 0) {
        scales[layout.scales() == CodebookLayout.Scales.ROW ? r : classes[r]] = tensor.scale(r);
      }
    }
    return new CodebookMatrix(
        layout, rows, tensor.columns(), codes, tensor.codewordValues(), scales, classes);
  }

  /** A copy that changes on its own. */
  public CodebookMatrix copy() {
    return new CodebookMatrix(
        layout, rows, columns, codes.clone(), words.clone(), scales.clone(), classes.clone());
  }

  /** Takes the values of another matrix of the same layout and shape. */
  public void set(CodebookMatrix other) {
    System.arraycopy(other.codes, 0, codes, 0, codes.length);
    System.arraycopy(other.words, 0, words, 0, words.length);
    System.arraycopy(other.scales, 0, scales, 0, scales.length);
  }

  /** Layout. */
  public CodebookLayout layout() {
    return layout;
  }

  /** Rows. */
  public int rows() {
    return rows;
  }

  /** Columns. */
  public int columns() {
    return columns;
  }

  /** Live codes {@code [rows, groups, M]}. */
  public int[] codes() {
    return codes;
  }

  /** Live codewords {@code [sets, M, 2^B, g]}. */
  public float[] words() {
    return words;
  }

  /** Live scales. */
  public float[] scales() {
    return scales;
  }

  /** Class of a row. */
  public int rowClass(int row) {
    return classes[row];
  }

  /** Index of a row's scale; −1 without scales. */
  public int scaleIndex(int row) {
    return switch (layout.scales()) {
      case NONE -> -1;
      case ROW -> row;
      case GROUP -> classes[row];
    };
  }

  /** Scale of a row. */
  public float scale(int row) {
    int index = scaleIndex(row);
    return index < 0 ? 1f : scales[index];
  }

  /** Where the codewords of a row's set begin. */
  public int setOffset(int row) {
    return layout.multi()
        ? classes[row] * layout.codebooks() * layout.codewords() * layout.groupSize()
        : 0;
  }

  /** Values of rows {@code [from, to)} before scaling, a row every {@code stride} elements. */
  public void sums(int from, int to, float[] out, int stride) {
    int g = layout.groupSize();
    int m = layout.codebooks();
    int book = layout.codewords() * g;
    int at = from * layout.codes(columns);
    for (int r = from; r < to; r++) {
      int set = setOffset(r);
      int row = (r - from) * stride;
      for (int c = 0; c < columns; c += g, at += m) {
        int width = Math.min(g, columns - c);
        int word = set + codes[at] * g;
        for (int i = 0; i < width; i++) {
          out[row + c + i] = words[word + i];
        }
        for (int k = 1; k < m; k++) {
          word = set + k * book + codes[at + k] * g;
          for (int i = 0; i < width; i++) {
            out[row + c + i] += words[word + i];
          }
        }
      }
    }
  }

  /** Values of rows {@code [from, to)}, row-major from {@code out[0]}. */
  public void values(int from, int to, float[] out) {
    sums(from, to, out, columns);
    for (int r = from, at = 0; r < to; r++) {
      float scale = scale(r);
      for (int end = at + columns; at < end; at++) {
        out[at] *= scale;
      }
    }
  }

  /** All values. */
  public float[] values() {
    float[] out = new float[Math.multiplyExact(rows, columns)];
    values(0, rows, out);
    return out;
  }

  /**
   * Chain rule from the weight to codewords and scales (sheet 31, step 8): adds {@code Σ s·G} over
   * the groups that use a codeword, and {@code ⟨G, Σ C⟩} for a scale.
   *
   * @param gradient of rows {@code [from, to)}, row-major
   * @param wordGradient added to
   * @param scaleGradient added to
   */
  public void addGradients(
      int from, int to, float[] gradient, float[] wordGradient, float[] scaleGradient) {
    int g = layout.groupSize();
    int m = layout.codebooks();
    int book = layout.codewords() * g;
    float[] sums = new float[columns];
    int at = from * layout.codes(columns);
    for (int r = from; r < to; r++) {
      int set = setOffset(r);
      int row = (r - from) * columns;
      float scale = scale(r);
      for (int c = 0; c < columns; c += g, at += m) {
        int width = Math.min(g, columns - c);
        for (int k = 0; k < m; k++) {
          int word = set + k * book + codes[at + k] * g;
          for (int i = 0; i < width; i++) {
            wordGradient[word + i] += scale * gradient[row + c + i];
          }
        }
      }
      int index = scaleIndex(r);
      if (index >= 0 && scale != 0) { // a row of zeros stays one
        sums(r, r + 1, sums, columns);
        double sum = 0;
        for (int c = 0; c < columns; c++) {
          sum += (double) gradient[row + c] * sums[c];
        }
        scaleGradient[index] += (float) sum;
      }
    }
  }

  /** Rounds codewords and scales to what fp16 holds. */
  public void roundToHalf() {
    roundToHalf(words);
    roundToHalf(scales);
  }

  private static void roundToHalf(float[] values) {
    for (int i = 0; i < values.length; i++) {
      float bounded = Math.clamp(values[i], -65504f, 65504f);
      values[i] = Float.float16ToFloat(Float.floatToFloat16(bounded));
    }
  }

  /** The stored form; codewords and scales are rounded to fp16. */
  public CodebookTensor pack() {
    CodebookMatrix rounded = copy();
    rounded.roundToHalf();
    return CodebookPacker.pack(
        new long[] {rows, columns}, layout, codes, rounded.words, rounded.scales, classes);
  }

  /** How often each codeword of a set is used, {@code [sets, M, 2^B]}. */
  public int[] use() {
    int[] out = new int[layout.sets() * layout.codebooks() * layout.codewords()];
    int perRow = layout.codes(columns);
    for (int r = 0; r < rows; r++) {
      int set = layout.multi() ? classes[r] * layout.codebooks() * layout.codewords() : 0;
      for (int i = 0; i < perRow; i++) {
        out[set + i % layout.codebooks() * layout.codewords() + codes[r * perRow + i]]++;
      }
    }
    return out;
  }

  /** Number of groups with another code than in {@code other}. */
  public int changedGroups(CodebookMatrix other) {
    int m = layout.codebooks();
    int changed = 0;
    for (int i = 0; i < codes.length; i += m) {
      changed += Arrays.equals(codes, i, i + m, other.codes, i, i + m) ? 0 : 1;
    }
    return changed;
  }
}

package dev.nibble.core.rounding;

import dev.nibble.core.format.NumberFormat;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.TablePacker;
import dev.nibble.core.tensor.TableTensor;
import dev.nibble.core.work.Workers;

/** Round-to-nearest on level tables, with the scales of {@link LevelScale}. */
final class TableRounding {
  private TableRounding() {}

  static TableTensor pack(
      float[] w,
      long[] shape,
      int columns,
      QuantSpec spec,
      RoundingOptions options,
      Workers workers) {
    NumberFormat format = spec.format();
    float tensorScale = LevelScale.ofTensor(w, spec);
    byte[] codes = new byte[w.length];
    int rows = columns == 0 ? 0 : w.length / columns;
    float[] scales = new float[Math.toIntExact(spec.scaleCount(rows, columns))];
    int width = spec.groupColumns(columns);
    RoundToNearest.forEachRow(
        rows,
        workers,
        row -> {
          int group = row * spec.groups(columns);
          for (int c = 0; c < columns; c += width) {
            int from = row * columns + c;
            int to = row * columns + Math.min(columns, c + width);
            float scale = LevelScale.fit(w, from, to, spec, tensorScale, options);
            scales[group++] = scale;
            float unit = scale * tensorScale;
            for (int i = from; i < to && unit != 0; i++) {
              codes[i] = (byte) format.encode(w[i] / unit);
            }
          }
        });
    return TablePacker.pack(shape, spec, tensorScale, codes, scales);
  }
}

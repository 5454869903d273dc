package dev.nibble.io.interop;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.safetensors.TensorSource;
import java.util.Arrays;

/**
 * The tensors that one module is stored as, each checked before it is read.
 *
 * @param source the file or files
 * @param module as {@code model.layers.0.mlp.down_proj}
 */
record ModuleTensors(TensorSource source, String module) {
  /** Most codes of one linear: they are held in one array while they are re-packed. */
  private static final long MAX_CODES = Integer.MAX_VALUE - 16;

  boolean has(String part) {
    return source.names().contains(name(part));
  }

  private String name(String part) {
    return module + "." + part;
  }

  /** An exception about the tensor {@code part}. */
  ModelFormatException problem(String part, String text) {
    String name = name(part);
    return new ModelFormatException(source.fileOf(name), JsonFields.shown(name), text);
  }

  /** Shape of a part that must be there with that element type and number of axes. */
  long[] shape(String part, DType type, int axes) {
    TensorSource.Info info = info(part);
    if (info.dtype() != type || info.shape().length != axes) {
      throw problem(
          part,
          info.dtype()
              + Arrays.toString(info.shape())
              + " was found where "
              + type
              + " with "
              + axes
              + " axes is needed");
    }
    return info.shape();
  }

  TensorSource.Info info(String part) {
    if (!has(part)) {
      throw problem(part, "the tensor is missing; the model is incomplete");
    }
    return source.info(name(part));
  }

  /** Demands an exact shape. */
  void require(String part, DType type, long... shape) {
    long[] found = shape(part, type, shape.length);
    if (!Arrays.equals(found, shape)) {
      throw problem(
          part,
          "shape "
              + Arrays.toString(found)
              + " was found where the other tensors of the module ask for "
              + Arrays.toString(shape));
    }
  }

  /** Refuses linears with too many codes or none; such sizes are a sign of damage. */
  void requireSize(String part, long rows, long columns) {
    if (rows < 1 || columns < 1 || rows > MAX_CODES / columns) {
      throw problem(part, "a linear of " + rows + " x " + columns + " is not supported");
    }
  }

  /** How the scales are stored. */
  ScaleFormat scaleFormat(String part) {
    return switch (info(part).dtype()) {
      case F16 -> ScaleFormat.FP16;
      case BF16 -> ScaleFormat.BF16;
      case F32 -> ScaleFormat.FP32;
      default ->
          throw problem(
              part, "element type " + info(part).dtype() + " was found where F16, BF16 or F32 is");
    };
  }

  DenseTensor tensor(String part) {
    return source.tensor(name(part));
  }

  /** All values of a part; scales must be finite. */
  float[] scales(String part) {
    float[] values = tensor(part).toFloats();
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw problem(part, "scale " + i + " is " + values[i]);
      }
    }
    return values;
  }

  /** Group of each column, checked to be in {@code [0, groups)}. */
  int[] groupIndex(String part, int groups) {
    float[] values = tensor(part).toFloats();
    int[] index = new int[values.length];
    for (int c = 0; c < index.length; c++) {
      if (!(values[c] >= 0 && values[c] < groups)) {
        throw problem(
            part, "column " + c + " is in group " + (long) values[c] + " of " + groups + " groups");
      }
      index[c] = (int) values[c];
    }
    return index;
  }
}

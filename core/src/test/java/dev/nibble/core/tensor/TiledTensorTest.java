package dev.nibble.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.testing.PackedTensorContract;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class TiledTensorTest {
  private static final byte[] TABLE = {
    0,
    20,
    40,
    60,
    80,
    95,
    110,
    122,
    (byte) 134,
    (byte) 146,
    (byte) 161,
    (byte) 176,
    (byte) 196,
    (byte) 216,
    (byte) 236,
    (byte) 255
  };

  /** Puts one row's code of a column where the layout's description says. */
  private static void put(byte[] data, PackedFormat format, int columns, int row, int c, int code) {
    int groupBytes = format.groupBytes();
    int at = row / 32 * (columns / format.groupColumns()) * groupBytes;
    at += c / format.groupColumns() * groupBytes;
    at += c % format.groupColumns() / 32 * 2 * 64 * format.bits();
    at += row % 32 / 16 * 64 * format.bits();
    int word = c % 32 / 4;
    int done = 0;
    for (int width = 8; width > 0; width /= 2) {
      if ((format.bits() & width) != 0) {
        int vector = done * 64 + word / (8 / width) * 64;
        int field = word % (8 / width) * width;
        int part = (code >> done) & ((1 << width) - 1);
        data[at + vector + 4 * (row % 16) + c % 4] |= (byte) (part << field);
        done += width;
      }
    }
  }

  /** Rounds to a grid of the format over -3 to 3; scales and mins are the same everywhere. */
  private static TiledTensor pack(PackedFormat format, float[] values, long[] shape) {
    int columns = (int) shape[1];
    int levels = 1 << format.bits();
    boolean mins = format.mins();
    float scale = Float.float16ToFloat(Float.floatToFloat16(6f / (format.table() ? 256 : levels)));
    byte[] data = new byte[Math.toIntExact(format.byteSize(shape[0], columns))];
    for (int i = 0; i < values.length; i++) {
      int best = 0;
      for (int code = 1; code < levels; code++) {
        float error = Math.abs(value(format, scale, code) - values[i]);
        best = error < Math.abs(value(format, scale, best) - values[i]) ? code : best;
      }
      put(data, format, columns, i / columns, i % columns, best);
    }
    ByteBuffer bytes = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
    for (int g = 0; g < data.length; g += format.groupBytes()) {
      int scales = format.groupColumns() / 32 * 128 * format.bits();
      int count = 32 * Math.max(1, 32 / format.shared());
      for (int i = 0; i < count; i++) {
        bytes.putShort(g + scales + 2 * i, Float.floatToFloat16(4 * scale));
        if (mins) {
          bytes.putShort(g + scales + 2 * (count + i), Float.floatToFloat16(4 * -3f));
        }
      }
    }
    byte[] table = format.table() ? TABLE : new byte[0];
    return new TiledTensor(shape, format, -2, table, MemorySegment.ofArray(data));
  }

  private static float value(PackedFormat format, float scale, int code) {
    if (format.mins()) {
      return scale * code - 3;
    }
    int centred = format.table() ? (TABLE[code] & 0xff) - 128 : code - (1 << (format.bits() - 1));
    return scale * centred;
  }

  private abstract static class Contract extends PackedTensorContract {
    abstract PackedFormat format();

    @Override
    protected List<long[]> shapes() {
      return List.of(new long[] {7, 320}, new long[] {1, 64}, new long[] {33, 128});
    }

    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      return TiledTensorTest.pack(format(), values, shape);
    }
  }

  @Nested
  class FourBits extends Contract {
    @Override
    PackedFormat format() {
      return new PackedFormat(4, 32, false);
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return Math.ceilDiv(rows, 32L) * (columns / 32) * 576;
    }

    @Override
    protected String expectedTypeName() {
      return "tiled4:g32:sym";
    }
  }

  @Nested
  class SevenBitsWithMins extends Contract {
    @Override
    PackedFormat format() {
      return new PackedFormat(7, 64, true);
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return Math.ceilDiv(rows, 32L) * (columns / 64) * (64 * 32 * 7 / 8 + 128);
    }

    @Override
    protected String expectedTypeName() {
      return "tiled7:g64:asym";
    }
  }

  @Nested
  class ThreeBitsInSixteens extends Contract {
    @Override
    PackedFormat format() {
      return new PackedFormat(3, 16, false);
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return Math.ceilDiv(rows, 32L) * (columns / 32) * (32 * 32 * 3 / 8 + 128);
    }

    @Override
    protected String expectedTypeName() {
      return "tiled3:g16:sym";
    }
  }

  @Nested
  class Table extends Contract {
    @Override
    PackedFormat format() {
      return new PackedFormat(4, 32, false, true);
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return Math.ceilDiv(rows, 32L) * (columns / 32) * 576 + 16;
    }

    @Override
    protected String expectedTypeName() {
      return "tiled4:g32:table";
    }
  }

  /** Every code of every width comes back from its place, as {@code factor · (scale · code …)}. */
  @Test
  void codesComeFromWhereTheLayoutPutsThem() {
    for (int bits = 1; bits <= 8; bits++) {
      for (int shared : new int[] {16, 32, 64, 128}) {
        for (boolean mins : new boolean[] {false, true}) {
          PackedFormat format = new PackedFormat(bits, shared, mins);
          float[] values = new float[40 * 256];
          float scale = Float.float16ToFloat(Float.floatToFloat16(6f / (1 << bits)));
          for (int i = 0; i < values.length; i++) {
            values[i] = value(format, scale, (i * 7 + i / 256) % (1 << bits));
          }
          assertThat(pack(format, values, new long[] {40, 256}).toFloats())
              .as("%s", format)
              .isEqualTo(values);
        }
      }
    }
  }

  @Test
  void wrongSizesAreRefused() {
    PackedFormat format = new PackedFormat(4, 64, false);
    MemorySegment data = MemorySegment.ofArray(new byte[1088]);
    byte[] none = new byte[0];
    assertThat(new TiledTensor(new long[] {32, 64}, format, 0, none, data).byteSize())
        .isEqualTo(1088);
    refused(new long[] {33, 64}, format, 0, none, data, "1088 bytes");
    refused(new long[] {32, 96}, format, 0, none, data, "96 columns");
    refused(new long[] {32}, format, 0, none, data, "matrices");
    refused(new long[] {0, 64}, format, 0, none, data, "matrices");
    refused(new long[] {32, 64}, format, 128, none, data, "2^128");
    refused(new long[] {32, 64}, format, 0, new byte[16], data, "16 entries");
  }

  private static void refused(
      long[] shape,
      PackedFormat format,
      int exponent,
      byte[] table,
      MemorySegment data,
      String message) {
    assertThatThrownBy(() -> new TiledTensor(shape, format, exponent, table, data))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }
}

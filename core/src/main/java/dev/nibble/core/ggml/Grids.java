package dev.nibble.core.ggml;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Base64;
import java.util.Properties;

/**
 * The point sets of the i-quants. A grid is a sorted list of points of 8 (base 3) or 4 (base 8)
 * coordinates; a point's rank among all set bits of its bitmap is its index in the files. The
 * coordinate of element 0 is the least significant digit.
 */
final class Grids {
  private static final Properties BITMAPS = read();

  /** {@code [256, 8]}. */
  static final byte[] IQ2_XXS = points("iq2xxs", 8, 8, 25, 43);

  /** {@code [512, 8]}. */
  static final byte[] IQ2_XS = points("iq2xs", 8, 8, 25, 43);

  /** {@code [1024, 8]}. */
  static final byte[] IQ2_S = points("iq2s", 8, 8, 25, 43);

  /** {@code [2048, 8]}. */
  static final byte[] IQ1 = points("iq1s", 8, -1, 0, 1);

  /** {@code [256, 4]}. */
  static final byte[] IQ3_XXS = points("iq3xxs", 4, 4, 12, 20, 28, 36, 44, 52, 62);

  /** {@code [512, 4]}. */
  static final byte[] IQ3_S = points("iq3s", 4, 1, 3, 5, 7, 9, 11, 13, 15);

  private Grids() {}

  private static Properties read() {
    Properties bitmaps = new Properties();
    try (InputStream in = Grids.class.getResourceAsStream("grids.properties")) {
      bitmaps.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bitmaps;
  }

  /** Decoded bitmap of a grid. */
  static byte[] bitmap(String name) {
    return Base64.getDecoder().decode(BITMAPS.getProperty(name));
  }

  private static byte[] points(String name, int coordinates, int... values) {
    byte[] bits = bitmap(name);
    int count = 0;
    for (byte b : bits) {
      count += Integer.bitCount(b & 0xff);
    }
    byte[] points = new byte[count * coordinates];
    int p = 0;
    for (int i = 0; i < bits.length * 8; i++) {
      if ((bits[i >> 3] >> (i & 7) & 1) == 0) {
        continue;
      }
      int digits = i;
      for (int c = 0; c < coordinates; c++) {
        points[p++] = (byte) values[digits % values.length];
        digits /= values.length;
      }
    }
    return points;
  }
}

package dev.nibble.runtime.decoder;

import java.util.Arrays;

/** Arrays of a store that grow together. */
final class Growth {
  private Growth() {}

  static void grow(byte[][] arrays, int length) {
    for (int i = 0; i < arrays.length; i++) {
      arrays[i] = Arrays.copyOf(arrays[i], length);
    }
  }

  static void grow(short[][] arrays, int length) {
    for (int i = 0; i < arrays.length; i++) {
      arrays[i] = Arrays.copyOf(arrays[i], length);
    }
  }

  static void grow(int[][] arrays, int length) {
    for (int i = 0; i < arrays.length; i++) {
      arrays[i] = Arrays.copyOf(arrays[i], length);
    }
  }

  static void grow(float[][] arrays, int length) {
    for (int i = 0; i < arrays.length; i++) {
      arrays[i] = Arrays.copyOf(arrays[i], length);
    }
  }

  /** Numbers in arrays of equal length. */
  static long size(byte[][] arrays) {
    return (long) arrays.length * arrays[0].length;
  }

  static long size(short[][] arrays) {
    return (long) arrays.length * arrays[0].length;
  }

  static long size(int[][] arrays) {
    return (long) arrays.length * arrays[0].length;
  }

  static long size(float[][] arrays) {
    return (long) arrays.length * arrays[0].length;
  }
}

package dev.nibble.runtime.packed;

import static dev.nibble.core.tensor.PackedFormat.BLOCK;
import static dev.nibble.core.tensor.PackedFormat.LANES;
import static dev.nibble.core.tensor.PackedFormat.ROWS;

import dev.nibble.core.tensor.PackedFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/**
 * Packs row groups, eight codes at a time. Models are packed while they load, before the compiler
 * has seen these loops, so that it counts how few instructions they have. Safe for concurrent use.
 */
final class RowGroups {
  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int VECTOR = PackedFormat.VECTOR / Integer.BYTES;

  /** Elements of eight codes in a block. */
  private static final int EIGHTS = BLOCK / 8;

  private static final long ONES = 0x0101010101010101L;
  private static final float SMALLEST_NORMAL = 0x1p-14f;

  private static final long NIBBLES = 0x0F0F0F0F0F0F0F0FL;

  private final CodeRows source;
  private final PackedWeights target;
  private final PackedFormat format;
  private final List<PackedFormat.Plane> planes;
  private final float up;
  private final int sourceGroups;
  private final int groupInts;

  /** Where in a row group the blocks start. */
  private final int[] blockAt;

  /** Where the scales of each part of 16 or more columns start; then the same for mins. */
  private final int[] scalesAt;

  private final int[] minsAt;

  /** Stored scale of each part. */
  private final int[] scaleOf;

  /**
   * Prepares for a weight.
   *
   * @param target receives the row groups
   * @param up what scales and mins are multiplied with
   */
  RowGroups(CodeRows source, PackedWeights target, float up) {
    this.format = target.format();
    this.planes = format.planes();
    this.source = source;
    this.target = target;
    this.up = up;
    this.sourceGroups = target.columns() / source.groupColumns();
    this.groupInts = Math.toIntExact(target.rowGroupBytes() / Integer.BYTES);
    this.blockAt = new int[target.columns() / BLOCK];
    for (int b = 0; b < blockAt.length; b++) {
      int bytes =
          b / format.blocks() * format.groupBytes() + b % format.blocks() * format.blockBytes();
      blockAt[b] = bytes / Integer.BYTES;
    }
    int parts = target.groups() * format.parts();
    this.scalesAt = new int[parts];
    this.minsAt = new int[format.mins() ? parts : 0];
    this.scaleOf = new int[parts];
    for (int p = 0; p < parts; p++) {
      int bytes = p / format.parts() * format.groupBytes();
      int part = p % format.parts();
      scalesAt[p] = (bytes + format.scalesAt(part)) / Integer.BYTES;
      if (format.mins()) {
        minsAt[p] = (bytes + format.minsAt(part)) / Integer.BYTES;
      }
      scaleOf[p] = p * (target.columns() / parts) / source.groupColumns();
    }
  }

  /** Packs some row groups. */
  void pack(int from, int to) {
    RowBuffers buffers = RowBuffers.ofThread(source, target.columns(), groupInts);
    for (int g = from; g < to; g++) {
      Arrays.fill(buffers.group, 0, groupInts, 0);
      int count = Math.min(ROWS, target.rows() - g * ROWS);
      source.load(g * ROWS, count, buffers.bytes);
      source.codes(count, buffers.bytes, buffers.eights);
      for (PackedFormat.Plane plane : planes) {
        switch (plane.width()) {
          case 8 -> bytes(count, buffers.eights, buffers.group);
          case 4 -> nibbles(count, plane, buffers.eights, buffers.group);
          default -> narrow(count, plane, buffers.eights, buffers.group);
        }
      }
      source.scales(g * ROWS, count, buffers.bytes, buffers.scales, buffers.mins);
      put(count, buffers.scales, scalesAt, buffers.group);
      put(count, buffers.mins, minsAt, buffers.group);
      MemorySegment.copy(
          buffers.group, 0, target.data(), LE32, g * target.rowGroupBytes(), groupInts);
    }
  }

  /** Offset of a row in the first vector of a block's plane. */
  private int lane(int row, int planeAt) {
    return (planeAt + row / LANES * format.halfBytes()) / Integer.BYTES + row % LANES;
  }

  private void bytes(int count, long[] eights, int[] group) {
    int e = 0;
    for (int row = 0; row < count; row++) {
      int lane = lane(row, 0);
      for (int block : blockAt) {
        int to = block + lane;
        for (int i = 0; i < EIGHTS; i++) {
          long eight = eights[e++];
          group[to] = (int) eight;
          group[to + VECTOR] = (int) (eight >>> 32);
          to += 2 * VECTOR;
        }
      }
    }
  }

  private void nibbles(int count, PackedFormat.Plane plane, long[] eights, int[] group) {
    int shift = plane.shift();
    int e = 0;
    for (int row = 0; row < count; row++) {
      int lane = lane(row, plane.at());
      for (int block : blockAt) {
        int to = block + lane;
        for (int i = 0; i < EIGHTS; i++) {
          long eight = (eights[e++] >>> shift) & NIBBLES;
          group[to] = (int) (eight | (eight >>> 28));
          to += VECTOR;
        }
      }
    }
  }

  /** Planes of 2 or 1 bits: 16 or 32 codes to an element. */
  private void narrow(int count, PackedFormat.Plane plane, long[] eights, int[] group) {
    int width = plane.width();
    long mask = ((1L << width) - 1) * ONES;
    int e = 0;
    for (int row = 0; row < count; row++) {
      int lane = lane(row, plane.at());
      for (int block : blockAt) {
        for (int v = 0; v < width; v++) {
          long bits = 0;
          for (int field = 0; field < 8; field += 2 * width) {
            bits |= ((eights[e++] >>> plane.shift()) & mask) << field;
          }
          group[block + v * VECTOR + lane] = (int) (bits | (bits >>> (32 - width)));
        }
      }
    }
  }

  /** Stores scales or mins as fp16, which has no subnormal numbers here. */
  private void put(int count, float[] values, int[] at, int[] group) {
    for (int row = 0; row < count; row++) {
      int shift = 16 * (row % 2);
      for (int p = 0; p < at.length; p++) {
        float value = values[row * sourceGroups + scaleOf[p]] * up;
        short half = Math.abs(value) < SMALLEST_NORMAL ? 0 : Float.floatToFloat16(value);
        group[at[p] + row / 2] |= (half & 0xFFFF) << shift;
      }
    }
  }
}

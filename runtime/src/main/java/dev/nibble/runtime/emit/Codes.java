package dev.nibble.runtime.emit;

import dev.nibble.core.tensor.PackedFormat;
import java.util.List;

/** Emits the loading of words of codes, whatever planes they are stored in. */
final class Codes {
  private final Assembler a;
  private final PackedFormat format;
  private final List<PackedFormat.Plane> planes;
  private final int[] masks;
  private final int table;

  /**
   * Prepares for a kernel.
   *
   * @param lastRegister register of the first plane's mask; further planes' masks stand below it,
   *     then a table
   */
  Codes(Assembler a, PackedFormat format, int lastRegister) {
    this.a = a;
    this.format = format;
    this.planes = format.planes();
    this.masks = new int[masks(format)];
    for (int i = 0; i < masks.length; i++) {
      masks[i] = lastRegister - i;
    }
    this.table = lastRegister - masks.length;
  }

  /** Number of registers that masks and a table occupy. */
  int registers() {
    return format.table() ? masks.length + 1 : masks.length;
  }

  /** Values of the masks, a byte repeated four times, as {@link #loadConstants} expects them. */
  static int[] maskValues(PackedFormat format) {
    int[] values = new int[masks(format)];
    for (int i = 0; i < values.length; i++) {
      values[i] = format.planes().get(i).mask() * 0x01010101;
    }
    return values;
  }

  /** Whole bytes need no mask. */
  private static int masks(PackedFormat format) {
    return format.bits() == 8 ? 0 : format.planes().size();
  }

  /** Emits the loading of masks and table from the argument block. */
  void loadConstants(Gpr arguments) {
    if (format.table()) {
      a.vbroadcasti32x4(table, arguments.at(Arguments.TABLE));
    }
    for (int i = 0; i < masks.length; i++) {
      a.vpbroadcastd(masks[i], arguments.at(Arguments.MASKS + 4 * i));
    }
  }

  /**
   * Emits {@code d = a word's codes}. Shifts move whole 16-bit lanes; what crosses a byte lies
   * outside the mask.
   *
   * @param half address of the half's block
   * @param spare register that may be overwritten
   */
  void load(int d, int word, Mem half, int spare) {
    for (int i = 0; i < planes.size(); i++) {
      PackedFormat.Plane plane = planes.get(i);
      Mem vector = new Mem(half.base(), half.disp() + plane.vectorOf(word));
      int right = plane.fieldOf(word) - plane.shift();
      if (format.bits() == 8) {
        a.vmovups(d, vector);
      } else if (i == 0) {
        first(d, vector, right);
      } else {
        shifted(spare, vector, right);
        a.vorand(d, spare, masks[i]);
      }
    }
    if (format.table()) {
      a.vpshufb(d, table, d);
    }
  }

  private void first(int d, Mem vector, int right) {
    if (right == 0) {
      a.vpandd(d, masks[0], vector);
    } else {
      a.vpsrlw(d, vector, right);
      a.vpandd(d, d, masks[0]);
    }
  }

  private void shifted(int d, Mem vector, int right) {
    if (right > 0) {
      a.vpsrlw(d, vector, right);
    } else if (right < 0) {
      a.vpsllw(d, vector, -right);
    } else {
      a.vmovups(d, vector);
    }
  }
}

package dev.nibble.io.token;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The printable stand-ins of GPT-2's byte-level BPE: every byte is written as one character.
 * Printable Latin-1 bytes stand for themselves; the others, in order, are U+0100, U+0101, ….
 */
public final class ByteAlphabet {
  /**
   * The expression that cuts text into the pieces within which bytes are merged: words, numbers and
   * symbols with the space before them, and white space. Read with Unicode character classes.
   */
  public static final String PIECES =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  private static final char[] CHARACTERS = new char[256];
  private static final int[] BYTES = new int[0x200];

  static {
    Arrays.fill(BYTES, -1);
    int stand = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
      CHARACTERS[b] = (char) (printable ? b : stand++);
      BYTES[CHARACTERS[b]] = b;
    }
  }

  private ByteAlphabet() {}

  /** The character that stands for a byte, 0 to 255. */
  public static char character(int value) {
    return CHARACTERS[value];
  }

  /** The UTF-8 bytes of a text, written in the alphabet. */
  static String encode(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    char[] out = new char[utf8.length];
    for (int i = 0; i < utf8.length; i++) {
      out[i] = CHARACTERS[utf8[i] & 0xff];
    }
    return new String(out);
  }

  /** The bytes that a text in the alphabet stands for; its UTF-8 when it is not in the alphabet. */
  static byte[] decode(String text) {
    byte[] out = new byte[text.length()];
    for (int i = 0; i < out.length; i++) {
      char c = text.charAt(i);
      if (c >= BYTES.length || BYTES[c] < 0) {
        return text.getBytes(StandardCharsets.UTF_8);
      }
      out[i] = (byte) BYTES[c];
    }
    return out;
  }
}

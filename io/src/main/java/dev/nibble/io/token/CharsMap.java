package dev.nibble.io.token;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * SentencePiece's precompiled character map, as Hugging Face applies it: each grapheme of up to
 * five bytes, else each of its characters, is looked up and replaced.
 *
 * <p>Layout (little-endian): u32 byte length of a double-array trie, the trie as u32 units, then
 * replacement texts, each ended by a zero byte. A unit holds a label in its low byte, a leaf flag
 * in bit 8, an offset in bits 10–30 (shifted left by 8 more when bit 9 is set), or, behind a leaf,
 * the place of the replacement text.
 */
final class CharsMap implements Normalizer {
  private static final Pattern GRAPHEME = Pattern.compile("\\X");
  private static final int MAX_GRAPHEME_BYTES = 5;

  private final int[] units;
  private final byte[] texts;

  private CharsMap(int[] units, byte[] texts) {
    this.units = units;
    this.texts = texts;
  }

  /** Reads the field {@code precompiled_charsmap}. */
  static Normalizer fromBase64(Part part) {
    byte[] bytes;
    try {
      bytes = Base64.getDecoder().decode(part.text("precompiled_charsmap", ""));
    } catch (IllegalArgumentException e) {
      throw part.child("precompiled_charsmap").fault("is not base64: " + e.getMessage());
    }
    if (bytes.length == 0) {
      return Normalizer.NONE;
    }
    Normalizer map = parse(bytes);
    if (map == null) {
      throw part.child("precompiled_charsmap").fault("is cut short");
    }
    return map;
  }

  /** The map in these bytes, null when they are cut short. */
  static Normalizer parse(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.length < 8) {
      return null;
    }
    int trieBytes = in.getInt();
    if (trieBytes < 4 || trieBytes % 4 != 0 || trieBytes > in.remaining()) {
      return null;
    }
    int[] units = new int[trieBytes / 4];
    for (int i = 0; i < units.length; i++) {
      units[i] = in.getInt();
    }
    return new CharsMap(units, Arrays.copyOfRange(bytes, 4 + trieBytes, bytes.length));
  }

  @Override
  public String apply(String text) {
    StringBuilder out = new StringBuilder(text.length());
    Matcher graphemes = GRAPHEME.matcher(text);
    int end = 0;
    while (graphemes.find()) {
      grapheme(graphemes.group(), out);
      end = graphemes.end();
    }
    return out.append(text, end, text.length()).toString();
  }

  private void grapheme(String grapheme, StringBuilder out) {
    byte[] utf8 = grapheme.getBytes(StandardCharsets.UTF_8);
    String whole = utf8.length <= MAX_GRAPHEME_BYTES ? replacement(utf8) : null;
    if (whole != null) {
      out.append(whole);
      return;
    }
    grapheme
        .codePoints()
        .forEach(
            c -> {
              String one = Character.toString(c);
              String other = replacement(one.getBytes(StandardCharsets.UTF_8));
              out.append(other != null ? other : one);
            });
  }

  /** Replacement for the shortest mapped prefix of the bytes, null when none is mapped. */
  private String replacement(byte[] key) {
    int position = offset(units[0]);
    for (byte b : key) {
      position ^= b & 0xff;
      if (b == 0 || position < 0 || position >= units.length) {
        return null;
      }
      int unit = units[position];
      if ((unit & 0x8000_00ff) != (b & 0xff)) {
        return null;
      }
      position ^= offset(unit);
      if ((unit >>> 8 & 1) == 1 && position >= 0 && position < units.length) {
        return textAt(units[position] & 0x7fff_ffff);
      }
    }
    return null;
  }

  private static int offset(int unit) {
    return unit >>> 10 << ((unit & 0x200) >>> 6);
  }

  private String textAt(int start) {
    if (start >= texts.length) {
      return null;
    }
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    for (int i = start; i < texts.length && texts[i] != 0; i++) {
      text.write(texts[i]);
    }
    return text.toString(StandardCharsets.UTF_8);
  }
}

package dev.nibble.core.testing;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Damages a file in the ways that files get damaged: cut short, bits flipped, parts moved or
 * repeated, numbers made absurd, JSON values replaced by others. The same seed gives the same
 * damage.
 */
public final class Mutator {
  private static final long[] EXTREMES = {
    0,
    1,
    -1,
    2,
    127,
    255,
    65535,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    1L << 32,
    1L << 40,
    Long.MAX_VALUE,
    Long.MIN_VALUE
  };
  private static final String[] NUMBERS = {
    "0",
    "-1",
    "1",
    "3",
    "1e308",
    "1e-308",
    "0.5",
    "16777216",
    "16777217",
    "2147483647",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "99999999999999999999",
    "1e999",
    "-0.0"
  };
  private static final String[] VALUES = {
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"x\"",
    "[[]]",
    "-1",
    "1e99",
    "[1,2,3]",
    "{\"a\":{}}",
    "\"\\u0000\"",
    "\"../../x\""
  };
  private static final Pattern NUMBER = Pattern.compile("-?\\d+(\\.\\d+)?([eE][-+]?\\d+)?");
  private static final Pattern VALUE =
      Pattern.compile("(?<=[:,\\[])\\s*(\"[^\"]*\"|true|false|null|-?\\d[\\d.eE+-]*)");

  private final byte[] original;
  private final int header;
  private final boolean text;

  /**
   * @param original the whole file
   * @param header bytes from the start where damage hurts most; nine of ten cases hit there
   * @param text whether that part is (or contains) JSON
   */
  public Mutator(byte[] original, int header, boolean text) {
    this.original = original.clone();
    this.header = Math.min(header, original.length);
    this.text = text;
  }

  /** A damaged copy, with one to three damages. */
  public byte[] mutate(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] out = original.clone();
    int times = random.nextInt(10) < 7 ? 1 : 2 + random.nextInt(2);
    for (int i = 0; i < times && out.length > 0; i++) {
      int kind = random.nextInt(text ? 7 : 5);
      out =
          switch (kind) {
            case 0 -> Arrays.copyOf(out, position(random, out));
            case 1 -> flip(random, out);
            case 2 -> splice(random, out);
            case 3, 4 -> text ? number(random, out) : extreme(random, out);
            case 5 -> replace(random, out, VALUE, VALUES);
            default -> text && random.nextBoolean() ? extreme(random, out) : number(random, out);
          };
    }
    return out;
  }

  private int position(SplittableRandom random, byte[] bytes) {
    boolean inHeader = header > 0 && random.nextInt(10) != 0;
    return random.nextInt(Math.max(1, Math.min(bytes.length, inHeader ? header : bytes.length)));
  }

  private byte[] flip(SplittableRandom random, byte[] out) {
    for (int flips = 1 + random.nextInt(8); flips > 0; flips--) {
      out[position(random, out)] ^= (byte) (1 << random.nextInt(8));
    }
    return out;
  }

  /** Overwrites, inserts or removes a run of bytes taken from elsewhere in the file. */
  private byte[] splice(SplittableRandom random, byte[] bytes) {
    int to = position(random, bytes);
    int from = position(random, bytes);
    int length = 1 + random.nextInt(Math.min(64, bytes.length));
    byte[] run = Arrays.copyOfRange(bytes, from, Math.min(bytes.length, from + length));
    int removed = random.nextInt(3) == 0 ? 0 : Math.min(length, bytes.length - to);
    boolean drop = random.nextInt(3) == 0;
    ByteBuffer out = ByteBuffer.allocate(bytes.length + run.length);
    out.put(bytes, 0, to);
    if (!drop) {
      out.put(run);
    }
    out.put(bytes, to + removed, bytes.length - to - removed);
    return Arrays.copyOf(out.array(), out.position());
  }

  private byte[] extreme(SplittableRandom random, byte[] out) {
    ByteBuffer view = ByteBuffer.wrap(out).order(ByteOrder.LITTLE_ENDIAN);
    long value = EXTREMES[random.nextInt(EXTREMES.length)];
    int at = position(random, out);
    if (random.nextBoolean() && at + Long.BYTES <= out.length) {
      view.putLong(at, value);
    } else if (at + Integer.BYTES <= out.length) {
      view.putInt(at, (int) value);
    }
    return out;
  }

  private byte[] number(SplittableRandom random, byte[] bytes) {
    return replace(random, bytes, NUMBER, NUMBERS);
  }

  /** Replaces one match; Latin-1 keeps every byte as it is. */
  private byte[] replace(
      SplittableRandom random, byte[] bytes, Pattern pattern, String[] replacements) {
    int end = Math.min(bytes.length, header);
    String shown = new String(bytes, 0, end, StandardCharsets.ISO_8859_1);
    Matcher matcher = pattern.matcher(shown);
    MatchResult[] matches = matcher.results().toArray(MatchResult[]::new);
    if (matches.length == 0) {
      return flip(random, bytes);
    }
    MatchResult match = matches[random.nextInt(matches.length)];
    byte[] value =
        replacements[random.nextInt(replacements.length)].getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer out = ByteBuffer.allocate(bytes.length + value.length);
    out.put(bytes, 0, match.start()).put(value);
    out.put(bytes, match.end(), bytes.length - match.end());
    return Arrays.copyOf(out.array(), out.position());
  }
}

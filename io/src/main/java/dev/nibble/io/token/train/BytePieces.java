package dev.nibble.io.token.train;

import dev.nibble.io.token.ByteAlphabet;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The pieces of a text that byte-level BPE merges within, and their bytes. */
final class BytePieces {
  private static final Pattern PIECE =
      Pattern.compile(ByteAlphabet.PIECES, Pattern.UNICODE_CHARACTER_CLASS);

  private BytePieces() {}

  /** Hands over the pieces of a text in order; together they are the text. */
  static void split(String text, Consumer<String> sink) {
    Matcher matcher = PIECE.matcher(text);
    while (matcher.find()) {
      sink.accept(matcher.group());
    }
  }

  /** The UTF-8 bytes of a piece, each 0 to 255. */
  static int[] bytes(String piece) {
    byte[] utf8 = piece.getBytes(StandardCharsets.UTF_8);
    int[] out = new int[utf8.length];
    for (int i = 0; i < utf8.length; i++) {
      out[i] = utf8[i] & 0xff;
    }
    return out;
  }
}

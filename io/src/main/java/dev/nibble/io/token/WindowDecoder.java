package dev.nibble.io.token;

import java.util.Arrays;

/**
 * Decodes a short window: the ids whose text went out last, which tell how the next one joins on,
 * and the ids held back. What is new in the window's text goes out once it ends in a whole
 * character.
 */
final class WindowDecoder implements StreamDecoder {
  /** Ids held back at most; an unfinished character has three bytes, so this many is damage. */
  private static final int MAX_HELD = 8;

  private static final char DAMAGED = '\ufffd';

  private final Tokenizer tokenizer;
  private int[] context = {};
  private int[] held = {};

  WindowDecoder(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  @Override
  public String next(int id) {
    if (tokenizer.isSpecial(id)) {
      return "";
    }
    held = Arrays.copyOf(held, held.length + 1);
    held[held.length - 1] = id;
    String text = text(join());
    boolean open = !text.isEmpty() && text.charAt(text.length() - 1) == DAMAGED;
    return open && held.length < MAX_HELD ? "" : release(text);
  }

  @Override
  public String finish() {
    String rest = held.length == 0 ? "" : release(text(join()));
    context = new int[0];
    return rest;
  }

  private String release(String text) {
    String before = text(context);
    // Damaged bytes may spoil what they join; then they stand alone.
    String fresh = text.startsWith(before) ? text.substring(before.length()) : text(held);
    // A context that gives no text may still be what the decoder trims at the start.
    context = before.isEmpty() ? join() : held;
    held = new int[0];
    return fresh;
  }

  private int[] join() {
    int[] window = Arrays.copyOf(context, context.length + held.length);
    System.arraycopy(held, 0, window, context.length, held.length);
    return window;
  }

  private String text(int[] ids) {
    return tokenizer.decode(ids, true);
  }
}

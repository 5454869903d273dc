package dev.nibble.eval.perplexity;

import dev.nibble.core.NibbleException;
import dev.nibble.eval.scoring.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Cuts a text into the windows of a protocol:
 *
 * <pre>
 *   gptq      |c s s s s|c s s s s|            c context only, s scored; the remainder is dropped
 *   strided   |c s s s s|
 *                 |c c c s s|
 *   llamacpp  |c c c s s|c c c s s|            first token of a chunk replaced by BOS
 * </pre>
 */
public final class Windows {
  private Windows() {}

  /**
   * The windows, in text order.
   *
   * @param protocol resolved (see {@link Protocol#resolve}), not {@code harness}
   * @throws NibbleException if the text is shorter than the protocol needs
   */
  public static List<Window> of(TokenizedText text, Protocol protocol) {
    List<Window> all =
        switch (protocol.kind()) {
          case GPTQ -> disjoint(text, protocol);
          case STRIDED -> strided(text, protocol);
          case LLAMACPP -> halves(text, protocol);
          case HARNESS ->
              throw new NibbleException(
                  "the harness protocol scores documents, not one text; choose gptq, strided or"
                      + " llamacpp");
        };
    if (protocol.limit() > 0 && all.size() > protocol.limit()) {
      return List.copyOf(all.subList(0, protocol.limit()));
    }
    return all;
  }

  private static List<Window> disjoint(TokenizedText text, Protocol protocol) {
    int bos = eachWindowBos(text, protocol);
    int[] tokens = textTokens(text, protocol);
    int taken = bos >= 0 ? protocol.window() - 1 : protocol.window();
    requireTokens(text, tokens.length, taken);
    List<Window> windows = new ArrayList<>();
    for (int start = 0; start + taken <= tokens.length; start += taken) {
      windows.add(nextTokens(part(tokens, start, start + taken, bos), 0));
    }
    return windows;
  }

  private static List<Window> strided(TokenizedText text, Protocol protocol) {
    int bos = eachWindowBos(text, protocol);
    int[] tokens = textTokens(text, protocol);
    int taken = bos >= 0 ? protocol.window() - 1 : protocol.window();
    int step = Math.min(protocol.stride(), taken);
    requireTokens(text, tokens.length, taken);
    List<Window> windows = new ArrayList<>();
    int scoredTo = 0;
    for (int begin = 0; scoredTo < tokens.length; begin += step) {
      int end = Math.min(begin + taken, tokens.length);
      int context = scoredTo - begin + (bos >= 0 ? 1 : 0);
      int[] sequence = part(tokens, begin, end, bos);
      if (sequence.length >= 2 && Math.max(context, 1) < sequence.length) {
        windows.add(nextTokens(sequence, Math.max(context - 1, 0)));
      }
      scoredTo = end;
    }
    return windows;
  }

  private static List<Window> halves(TokenizedText text, Protocol protocol) {
    int length = protocol.window();
    int[] tokens = text.tokens();
    if (tokens.length < 2 * length) {
      throw tooShort(text, tokens.length, 2 * length);
    }
    return chunks(text, length);
  }

  /** Whole chunks of {@code length} tokens of which the second half is scored. */
  public static List<Window> chunks(TokenizedText text, int length) {
    int[] tokens = text.tokens();
    List<Window> windows = new ArrayList<>();
    for (int start = 0; start + length <= tokens.length; start += length) {
      int[] chunk = Arrays.copyOfRange(tokens, start, start + length);
      if (text.addsBos()) {
        chunk[0] = text.bosId();
      }
      windows.add(nextTokens(chunk, length / 2));
    }
    return windows;
  }

  /** Every token after position {@code from} is a target. */
  private static Window nextTokens(int[] sequence, int from) {
    return new Window(
        Arrays.copyOf(sequence, sequence.length - 1),
        from,
        Arrays.copyOfRange(sequence, from + 1, sequence.length));
  }

  private static int[] part(int[] tokens, int from, int to, int bos) {
    if (bos < 0) {
      return Arrays.copyOfRange(tokens, from, to);
    }
    int[] sequence = new int[to - from + 1];
    sequence[0] = bos;
    System.arraycopy(tokens, from, sequence, 1, to - from);
    return sequence;
  }

  private static int eachWindowBos(TokenizedText text, Protocol protocol) {
    if (protocol.bos() != Bos.EACH_WINDOW) {
      return -1;
    }
    if (text.bosId() < 0) {
      throw new NibbleException("BOS in each window: the tokenizer has no BOS token");
    }
    return text.bosId();
  }

  private static int[] textTokens(TokenizedText text, Protocol protocol) {
    return protocol.bos() == Bos.DEFAULT ? text.tokens() : text.withoutBos();
  }

  private static void requireTokens(TokenizedText text, int found, int wanted) {
    if (found < wanted) {
      throw tooShort(text, found, wanted);
    }
  }

  private static NibbleException tooShort(TokenizedText text, int found, int wanted) {
    return new NibbleException(
        "perplexity: \"%s\" has %d tokens and the protocol needs at least %d; give more text or a"
                .formatted(text.id(), found, wanted)
            + " shorter window");
  }
}

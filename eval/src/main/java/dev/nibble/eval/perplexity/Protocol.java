package dev.nibble.eval.perplexity;

import dev.nibble.core.NibbleException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * How perplexity is measured.
 *
 * @param kind which positions are scored with which context
 * @param window tokens per window, 0 for the protocol's usual length (the model's context if that
 *     is shorter)
 * @param stride step of {@link Kind#STRIDED} in tokens, 0 for half a window; ignored otherwise
 * @param bos begin-of-sequence policy
 * @param limit at most this many windows (documents for {@link Kind#HARNESS}), 0 for all
 */
public record Protocol(Kind kind, int window, int stride, Bos bos, int limit) {

  /** The protocols. */
  public enum Kind {
    /** Disjoint windows, every position but the first scored: the quantization papers' number. */
    GPTQ(2048),
    /** Overlapping windows, each token scored once with the longest context the stride allows. */
    STRIDED(0),
    /** Per document with one token of context at the seams; per word and per byte. */
    HARNESS(0),
    /** Disjoint chunks, the second half of each scored. */
    LLAMACPP(512);

    private final int usualWindow;

    Kind(int usualWindow) {
      this.usualWindow = usualWindow;
    }

    /** Name in options and reports. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The default: {@code gptq} over the whole text. */
  public static final Protocol DEFAULT = new Protocol(Kind.GPTQ, 0, 0, Bos.DEFAULT, 0);

  /** Checks the ranges. */
  public Protocol {
    if (window < 0 || window == 1 || stride < 0 || limit < 0) {
      throw new NibbleException(
          "perplexity protocol: window (%d) must be 0 or at least 2, stride (%d) and limit (%d) not"
                  .formatted(window, stride, limit)
              + " negative");
    }
    if (window > 0 && stride > window) {
      throw new NibbleException(
          "perplexity protocol: the stride of %d is longer than the window of %d"
              .formatted(stride, window));
    }
    if (bos != Bos.DEFAULT && kind != Kind.GPTQ && kind != Kind.STRIDED) {
      throw new NibbleException(
          "perplexity protocol: %s has its own BOS rule; leave --bos at default"
              .formatted(kind.text()));
    }
  }

  /**
   * Reads {@code KIND}, {@code KIND:WINDOW} or {@code strided:WINDOW:STRIDE}.
   *
   * @throws NibbleException if it is none of these
   */
  public static Protocol parse(String text) {
    String[] parts = text.split(":", -1);
    Kind kind =
        Arrays.stream(Kind.values())
            .filter(k -> k.text().equals(parts[0]))
            .findFirst()
            .orElseThrow(() -> unknown(text));
    if (parts.length > (kind == Kind.STRIDED ? 3 : 2)) {
      throw unknown(text);
    }
    try {
      int window = parts.length > 1 ? Integer.parseInt(parts[1]) : 0;
      int stride = parts.length > 2 ? Integer.parseInt(parts[2]) : 0;
      return new Protocol(kind, window, stride, Bos.DEFAULT, 0);
    } catch (NumberFormatException e) {
      throw unknown(text);
    }
  }

  private static NibbleException unknown(String text) {
    return new NibbleException(
        "perplexity protocol \"%s\": expected one of %s, with an optional :WINDOW (strided: and"
                .formatted(
                    text,
                    Arrays.stream(Kind.values()).map(Kind::text).collect(Collectors.joining(", ")))
            + " :STRIDE) in tokens");
  }

  /** The same protocol over at most {@code windows} windows. */
  public Protocol withLimit(int windows) {
    return new Protocol(kind, window, stride, bos, windows);
  }

  /** The same protocol with another BOS policy. */
  public Protocol withBos(Bos other) {
    return new Protocol(kind, window, stride, other, limit);
  }

  /** With window and stride filled in for a model that reads {@code contextLength} tokens. */
  public Protocol resolve(int contextLength) {
    int usual = kind.usualWindow == 0 ? contextLength : kind.usualWindow;
    int length = window > 0 ? window : Math.min(usual, contextLength);
    if (length > contextLength) {
      throw new NibbleException(
          "perplexity window of %d tokens is longer than the model's context of %d; ask for a"
                  .formatted(length, contextLength)
              + " shorter one");
    }
    int step = kind != Kind.STRIDED ? 0 : stride > 0 ? Math.min(stride, length) : length / 2;
    return new Protocol(kind, length, step, bos, limit);
  }

  /** One line for reports, as {@code gptq window=2048 bos=default}. */
  public String text() {
    StringBuilder line = new StringBuilder(kind.text()).append(" window=").append(window);
    if (kind == Kind.STRIDED) {
      line.append(" stride=").append(stride);
    }
    line.append(" bos=").append(bos.text());
    if (limit > 0) {
      line.append(" limit=").append(limit);
    }
    return line.toString();
  }
}

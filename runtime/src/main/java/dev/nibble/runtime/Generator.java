package dev.nibble.runtime;

import dev.nibble.core.NibbleException;
import dev.nibble.io.token.StreamDecoder;
import dev.nibble.io.token.Tokenizer;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;

/** Continues a session's tokens with a prompt and then with drawn tokens. For one use. */
final class Generator {
  private final Session session;
  private final Set<Integer> ends;
  private final GenerateOptions options;
  private final Consumer<String> onText;
  private final Sampler sampler;
  private final StreamDecoder decoder;
  private final StopTexts stops;
  private final StringBuilder text = new StringBuilder();
  private int count;

  /**
   * Prepares a run.
   *
   * @param ends tokens that end a text
   * @param onText receives the new text piece by piece
   */
  Generator(
      Session session,
      Tokenizer tokenizer,
      Set<Integer> ends,
      GenerateOptions options,
      Consumer<String> onText) {
    this.session = session;
    this.ends = ends;
    this.options = options;
    this.onText = onText;
    // Rows of the embedding beyond the tokenizer's ids are padding and must never be drawn.
    this.sampler =
        new Sampler(options.sampling(), Math.min(tokenizer.vocabSize(), session.vocabSize()));
    this.decoder = tokenizer.streamDecoder();
    this.stops = new StopTexts(options.stop());
  }

  /**
   * Runs to the end.
   *
   * @throws NibbleException when the prompt does not fit the context
   */
  Generated run(int[] prompt) {
    int total = session.position() + prompt.length;
    if (total >= session.contextLength()) {
      throw new NibbleException(
          "the prompt has "
              + total
              + " tokens and the context "
              + session.contextLength()
              + "; shorten the prompt or choose a longer context");
    }
    for (int token : prompt) {
      sampler.accept(token);
    }
    long start = System.nanoTime();
    float[] logits = session.prefill(prompt);
    long ready = System.nanoTime();
    Generated.Finish finish = draw(logits);
    show(stops.add(decoder.finish()));
    show(stops.finish());
    return new Generated(
        text.toString(),
        prompt.length,
        count,
        finish,
        (ready - start) / 1e9,
        (System.nanoTime() - ready) / 1e9);
  }

  private Generated.Finish draw(float[] logits) {
    while (true) {
      int token = sampler.next(logits, 0);
      count++;
      if (ends.contains(token)) {
        return Generated.Finish.END;
      }
      show(stops.add(decoder.next(token)));
      if (stops.hit()) {
        return Generated.Finish.STOP;
      }
      if (count == options.maxTokens()) {
        return Generated.Finish.LENGTH;
      }
      if (session.position() == session.contextLength()) {
        return Generated.Finish.CONTEXT;
      }
      try {
        logits = session.decode(token);
      } catch (CancellationException e) {
        return Generated.Finish.CANCELLED;
      }
    }
  }

  private void show(String piece) {
    if (!piece.isEmpty()) {
      text.append(piece);
      onText.accept(piece);
    }
  }
}

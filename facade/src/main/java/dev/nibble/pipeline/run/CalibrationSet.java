package dev.nibble.pipeline.run;

import dev.nibble.compress.block.Batches;
import dev.nibble.compress.block.Seeds;
import dev.nibble.compress.recipe.Calibration;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.io.data.TextCorpus;
import dev.nibble.io.token.Tokenizer;
import dev.nibble.pipeline.journal.ContentHash;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Token sequences that steps look at: windows at random places of a text, without special tokens,
 * as GPTQ draws them (Frantar et al. 2022, section 4); for an encoder between the special tokens
 * that it expects around a text. All are equally long, so there is no padding among them.
 *
 * @param batches the sequences
 * @param sha256 hash of their tokens, "" for none
 * @param notes what the user should know about them
 */
public record CalibrationSet(Batches batches, String sha256, List<String> notes) {
  /** Characters of text that are tokenized for each token wanted. */
  private static final long CHARACTERS_PER_TOKEN = 32;

  /** No calibration. */
  public static final CalibrationSet NONE = new CalibrationSet(Batches.NONE, "", List.of());

  /**
   * Draws the sequences of a recipe.
   *
   * @param config the model, for its longest sequence and whether it is an encoder
   * @throws NibbleException when the text is shorter than one sequence
   */
  public static CalibrationSet draw(
      Calibration wanted, TextCorpus corpus, Tokenizer tokenizer, ModelConfig config) {
    List<String> notes = new ArrayList<>();
    int length = Math.min(wanted.length(), config.maxPositions());
    int[] frame = config.encoder().present() ? tokenizer.encode("", true) : new int[0];
    if (length < wanted.length()) {
      notes.add(
          "calibration.length is cut from "
              + wanted.length()
              + " to the model's context of "
              + length
              + " tokens");
    }
    String text = corpus.text();
    long characters =
        Math.min(text.length(), CHARACTERS_PER_TOKEN * wanted.samples() * (long) length);
    int[] tokens = tokenizer.encode(text.substring(0, (int) characters), false);
    if (tokens.length < length) {
      throw new NibbleException(
          "calibration.data: "
              + corpus.id()
              + " has only "
              + tokens.length
              + " tokens, fewer than one sequence of "
              + length
              + "; use a longer text or a shorter calibration.length");
    }
    if (tokens.length < (long) wanted.samples() * length) {
      notes.add(
          "calibration.data: "
              + corpus.id()
              + " has "
              + tokens.length
              + " tokens, so the "
              + wanted.samples()
              + " sequences overlap");
    }
    int content = length - frame.length;
    if (content < 1) {
      throw new NibbleException(
          "calibration.length: "
              + length
              + " tokens leave no room between the special tokens of an encoder; use more",
          NibbleException.USAGE,
          null);
    }
    SplittableRandom random = new SplittableRandom(Seeds.derive(wanted.seed(), "calibration"));
    int expand = wanted.expand();
    int[][] sequences = new int[wanted.samples() * expand][];
    for (int s = 0; s < sequences.length; s += expand) {
      int from = random.nextInt(tokens.length - content + 1);
      for (int turn = 0; turn < expand; turn++) {
        sequences[s + turn] = framed(frame, turned(tokens, from, content, turn * content / expand));
      }
    }
    return new CalibrationSet(Batches.of(sequences), ContentHash.of(sequences), notes);
  }

  /** Content between the two halves of the special tokens, begin and end. */
  private static int[] framed(int[] frame, int[] content) {
    if (frame.length == 0) {
      return content;
    }
    int before = (frame.length + 1) / 2;
    int[] out = Arrays.copyOf(frame, frame.length + content.length);
    System.arraycopy(content, 0, out, before, content.length);
    System.arraycopy(frame, before, out, before + content.length, frame.length - before);
    return out;
  }

  /** A window whose last {@code turn} tokens come first. */
  private static int[] turned(int[] tokens, int from, int length, int turn) {
    int[] out = new int[length];
    System.arraycopy(tokens, from + length - turn, out, 0, turn);
    System.arraycopy(tokens, from, out, turn, length - turn);
    return out;
  }

  /** Tokens in all. */
  public long tokens() {
    return (long) batches.sequences().length * batches.length();
  }
}

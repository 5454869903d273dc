package dev.nibble.runtime;

import dev.nibble.core.NibbleException;
import java.util.List;

/**
 * What a generated text looks like.
 *
 * @param sampling how tokens are drawn
 * @param maxTokens most new tokens, at least 1; the context may end it earlier
 * @param stop texts that end the generation; they are not part of the result
 */
public record GenerateOptions(Sampling sampling, int maxTokens, List<String> stop) {

  /** Balanced sampling with seed 0, up to 256 tokens, no stop texts. */
  public static final GenerateOptions DEFAULT =
      new GenerateOptions(Sampling.balanced(0), 256, List.of());

  /** Checks ranges. */
  public GenerateOptions {
    stop = List.copyOf(stop);
    if (maxTokens < 1) {
      throw new NibbleException("the number of new tokens must be at least 1, not " + maxTokens);
    }
    if (stop.contains("")) {
      throw new NibbleException("an empty stop text would end every generation at once");
    }
  }

  /** The same with other sampling. */
  public GenerateOptions withSampling(Sampling other) {
    return new GenerateOptions(other, maxTokens, stop);
  }

  /** The same with another limit. */
  public GenerateOptions withMaxTokens(int other) {
    return new GenerateOptions(sampling, other, stop);
  }
}

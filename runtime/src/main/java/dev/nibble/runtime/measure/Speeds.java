package dev.nibble.runtime.measure;

import dev.nibble.core.model.ModelConfig;
import java.util.Arrays;
import java.util.List;

/**
 * Speeds of a model on this machine.
 *
 * @param config architecture
 * @param kernels stored types with the kernel that runs each
 * @param threads threads
 * @param weightBytes bytes of weights that a pass for one token reads
 * @param bandwidth bytes a second that the memory gave, measured in every round
 * @param start how long the first token takes
 * @param prefills one for each length of prompt
 * @param decodes one for each number of sessions
 */
public record Speeds(
    ModelConfig config,
    String kernels,
    int threads,
    long weightBytes,
    Samples bandwidth,
    Start start,
    List<Prefill> prefills,
    List<Decode> decodes) {

  /** Copies the lists. */
  public Speeds {
    prefills = List.copyOf(prefills);
    decodes = List.copyOf(decodes);
  }

  /** Figures of all rounds, ascending. */
  public record Samples(List<Double> values) {

    /** Copies the list. */
    public Samples {
      values = List.copyOf(values);
    }

    static Samples of(double[] values) {
      return new Samples(Arrays.stream(values).sorted().boxed().toList());
    }

    /** The middle one; of an even number the higher of the two. */
    public double median() {
      return values.get(values.size() / 2);
    }

    /** The least. */
    public double least() {
      return values.getFirst();
    }

    /** The most. */
    public double most() {
      return values.getLast();
    }
  }

  /**
   * Until the first token.
   *
   * @param prompt tokens of the prompt
   * @param loadSeconds opening the model and bringing its weights into the kernels' layouts
   * @param coldSeconds from the prompt to its logits in the first call of the process, after
   *     loading
   * @param warmSeconds the same later
   */
  public record Start(int prompt, double loadSeconds, double coldSeconds, Samples warmSeconds) {}

  /**
   * Reading a prompt.
   *
   * @param tokens its length
   * @param rate tokens a second
   */
  public record Prefill(int tokens, Samples rate) {}

  /**
   * Writing.
   *
   * @param sessions that write at once, a token each in every pass
   * @param depth tokens in each session's cache at the start
   * @param tokens that each session writes
   * @param rate tokens a second of all sessions together
   * @param sessionBytes what a session holds at the end
   */
  public record Decode(int sessions, int depth, int tokens, Samples rate, long sessionBytes) {}

  /**
   * Bytes of weights that are read for a token of one of so many sessions; NaN where it depends on
   * the tokens: experts of several.
   */
  public double weightBytesPerToken(Decode decode) {
    boolean unknown = config.moe().present() && decode.sessions() > 1;
    return unknown ? Double.NaN : (double) weightBytes / decode.sessions();
  }

  /**
   * Share of the memory's bandwidth that reading the weights takes; above 1 for a model that the
   * processor's caches hold. NaN as {@link #weightBytesPerToken}.
   */
  public double bandwidthShare(Decode decode) {
    return weightBytesPerToken(decode) * decode.rate().median() / bandwidth.median();
  }
}

package dev.nibble.io.gguf;

import dev.nibble.core.model.LocalAttention;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.Scalars;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What GGUF readers take for granted about Gemma 2 and 3, beside the metadata: embeddings scaled by
 * the root of the width; a window in every layer but each second (Gemma 2) or sixth (Gemma 3),
 * there with rotary base 10,000 and no scaling in Gemma 3; scores scaled by the root of the head
 * width, or in the 27B models (46 and 62 layers) by that of {@code width / heads}.
 */
final class GemmaKeys {
  static final String ATTENTION_CAP = "attn_logit_softcapping";
  static final String LOGIT_CAP = "final_logit_softcapping";
  static final String LOCAL_BASE = "rope.freq_base_swa";

  /** Base of the layers with a window where a Gemma 3 file does not say. */
  static final double USUAL_LOCAL_BASE = 10000;

  private GemmaKeys() {}

  private static int pattern(GgufFamily family) {
    return family == GgufFamily.GEMMA2 ? 2 : 6;
  }

  /** The layers with a window. */
  static LocalAttention local(GgufFamily family, int layers, int window, RopeConfig rope) {
    int pattern = pattern(family);
    return window == 0
        ? LocalAttention.NONE
        : new LocalAttention(
            window,
            rope,
            IntStream.range(0, layers).filter(i -> (i + 1) % pattern != 0).boxed().toList());
  }

  /** The factors and caps of a file. */
  static Scalars scalars(
      GgufFamily family,
      int layers,
      int hidden,
      int heads,
      int headDim,
      double attentionCap,
      double logitCap) {
    boolean largest = layers == (family == GgufFamily.GEMMA2 ? 46 : 62);
    boolean usual = !largest || hidden == heads * headDim;
    double attention = usual ? 0 : 1 / Math.sqrt((double) hidden / heads);
    return new Scalars(Math.sqrt(hidden), attention, attentionCap, logitCap);
  }

  /** What of a configuration these rules do not give, for a refusal; empty when all is well. */
  static Optional<String> misfit(GgufFamily family, ModelConfig c) {
    Scalars given = c.scalars();
    Scalars assumed =
        scalars(
            family,
            c.layers(),
            c.hiddenSize(),
            c.heads(),
            c.headDim(),
            given.attentionCap(),
            given.logitCap());
    if (!given.equals(assumed)) {
      return Optional.of("a " + c.family() + " model with other factors than readers assume");
    }
    LocalAttention local = c.local();
    LocalAttention customary = local(family, c.layers(), local.window(), local.rope());
    boolean oneBase = family == GgufFamily.GEMMA3 || sameRope(local.rope(), c.rope());
    boolean plain = local.rope().scaling() == RopeConfig.Scaling.NONE;
    if (!local.layers().equals(customary.layers()) || !plain || !oneBase || c.slidingWindow() > 0) {
      return Optional.of(
          "a " + c.family() + " model with windows in other layers than readers assume");
    }
    boolean capped = given.attentionCap() > 0 || given.logitCap() > 0;
    return capped != (family == GgufFamily.GEMMA2)
        ? Optional.of("a " + c.family() + " model with other caps on scores or logits")
        : Optional.empty();
  }

  private static boolean sameRope(RopeConfig a, RopeConfig b) {
    return a.theta() == b.theta() && a.scaling() == b.scaling();
  }
}

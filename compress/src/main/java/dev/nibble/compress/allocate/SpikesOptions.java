package dev.nibble.compress.allocate;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import java.util.Locale;

/**
 * Options of {@code spikes}.
 *
 * @param detector what tells a spike
 * @param threshold score above which {@link Detector#MAX} and {@link Detector#TOKEN} flag a linear
 * @param topK linears that {@link Detector#TOPK} and {@link Detector#ERROR} flag
 * @param scope linears that may be flagged
 * @param percentile of the tokens, in (0, 100]: the typical token that {@link Detector#TOKEN}
 *     compares the largest with; 50 is the median
 * @param high what the weights of flagged linears are stored as
 * @param control flag others instead
 * @param samples calibration sequences to look at, at most
 * @param bits of the inputs that {@link Detector#ERROR} tries, 2 to 8
 */
record SpikesOptions(
    Detector detector,
    double threshold,
    int topK,
    Scope scope,
    double percentile,
    Level high,
    Control control,
    int samples,
    int bits) {
  /** Ways to tell a spike. */
  enum Detector {
    /** The largest input, over the median of the linears' largest inputs. */
    MAX,
    /** The largest input of the largest token, over that of the typical token. */
    TOKEN,
    /** As {@link #MAX}, but a given number of linears. */
    TOPK,
    /** What rounding this linear's input alone, with one scale, does to the predictions. */
    ERROR;

    boolean counted() {
      return this == TOPK || this == ERROR;
    }

    String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Linears of decoder blocks that may be flagged. */
  enum Scope {
    ALL,
    DOWN_PROJ;

    boolean covers(String site) {
      return this == ALL || site.endsWith(".down_proj");
    }
  }

  /** What is flagged. */
  enum Control {
    /** The linears found. */
    NONE,
    /** As many others, at random: to see what finding them is worth. */
    RANDOM
  }

  /** Formats of flagged weights. */
  private enum HighFormat {
    KEEP(Level.KEEP),
    // the scale of an e5m2 weight, a 57344th of its largest value, is too small for fp16
    FP8_E4M3("fp8-e4m3:channel:fp32"),
    FP8_E5M2("fp8-e5m2:channel:fp32");

    private final String level;

    HighFormat(String level) {
      this.level = level;
    }
  }

  static SpikesOptions read(OptionReader options) {
    Detector detector = options.choice("detector", Detector.MAX, Detector.class);
    refuse(options, "threshold", detector.counted(), "detector: max or token");
    refuse(options, "top_k", !detector.counted(), "detector: topk or error");
    refuse(options, "percentile", detector != Detector.TOKEN, "detector: token");
    refuse(options, "bits", detector != Detector.ERROR, "detector: error");
    HighFormat high = options.choice("high_format", HighFormat.KEEP, HighFormat.class);
    return new SpikesOptions(
        detector,
        options.real("threshold", 10, 0, 1e9),
        options.integer("top_k", 2, 1, 1 << 20),
        options.choice("scope", Scope.ALL, Scope.class),
        options.real("percentile", 50, 0.01, 100),
        Level.parse(high.level, options.where() + ".high_format"),
        options.choice("control", Control.NONE, Control.class),
        options.integer("samples", detector == Detector.ERROR ? 8 : 128, 1, 1 << 16),
        options.integer("bits", 8, 2, 8));
  }

  private static void refuse(OptionReader options, String key, boolean useless, String goesWith) {
    if (useless && options.keys().contains(key)) {
      throw new NibbleException(options.where() + "." + key + ": is only for " + goesWith);
    }
  }

  /** What was asked for, for reports. */
  String target() {
    String found =
        detector.counted()
            ? "top " + topK + " by " + detector.text()
            : String.format(Locale.ROOT, "%s above %s", detector.text(), threshold);
    return control == Control.NONE ? found : found + ", as many at random";
  }
}

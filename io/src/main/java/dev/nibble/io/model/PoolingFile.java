package dev.nibble.io.model;

import dev.nibble.core.model.EncoderConfig.Pooling;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code 1_Pooling/config.json} beside a model, as Sentence Transformers writes it. */
final class PoolingFile {
  private static final long MAX_BYTES = 1 << 20;
  private static final String PREFIX = "pooling_mode_";

  /** A mean over the root of the length points where the mean points. */
  private static final Map<String, Pooling> MODES =
      Map.of(
          "mean_tokens", Pooling.MEAN,
          "mean_sqrt_len_tokens", Pooling.MEAN,
          "cls_token", Pooling.FIRST,
          "lasttoken", Pooling.LAST,
          "weightedmean_tokens", Pooling.WEIGHTED_MEAN);

  private PoolingFile() {}

  /**
   * How the vectors of a text's tokens become one, if the file is there.
   *
   * @param config the model's config.json
   * @throws dev.nibble.core.ModelFormatException when it asks for another way or for several
   */
  static Optional<Pooling> beside(Path config) {
    Path file = config.resolveSibling("1_Pooling").resolve(HfConfig.NAME);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    JsonFields json = StrictJson.readObject(file, MAX_BYTES);
    List<String> asked =
        json.keys().stream().filter(k -> k.startsWith(PREFIX) && json.flag(k, false)).toList();
    if (asked.size() != 1) {
      throw json.problem("", "exactly one " + PREFIX + "... must be true, not " + asked);
    }
    Pooling found = MODES.get(asked.getFirst().substring(PREFIX.length()));
    if (found == null) {
      throw json.problem(
          asked.getFirst(),
          "is not supported; supported are "
              + MODES.keySet().stream().sorted().map(m -> PREFIX + m).toList());
    }
    return Optional.of(found);
  }
}

package dev.nibble.io.model;

import dev.nibble.core.model.EncoderConfig;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * A {@code config.json} (and the end tokens of {@code generation_config.json}) understood.
 *
 * @param family its family
 * @param draft the configuration being assembled
 * @param json where it came from
 */
record HfConfig(Family family, ConfigDraft draft, JsonFields json) {
  static final String NAME = "config.json";
  static final String GENERATION = "generation_config.json";

  private static final long MAX_BYTES = 16 << 20;

  /** The config.json of a directory. */
  static JsonFields file(Path directory) {
    return StrictJson.readObject(directory.resolve(NAME), MAX_BYTES);
  }

  /**
   * Reads the configuration.
   *
   * @throws dev.nibble.core.ModelFormatException naming the field that is missing, wrong or not
   *     supported
   */
  static HfConfig read(JsonFields json) {
    String type = json.string("model_type");
    Family family =
        Families.find(type)
            .orElseThrow(
                () ->
                    json.problem(
                        "model_type",
                        "models of kind '"
                            + JsonFields.shown(type)
                            + "' are not supported; supported are "
                            + Families.supported()));
    ConfigDraft draft = new ConfigDraft();
    draft.family = family.modelType();
    family.config().accept(json, draft);
    tokens(json, draft);
    if (!draft.encoder.present()) {
      PoolingFile.beside(json.file())
          .ifPresent(pooling -> draft.encoder = EncoderConfig.ofDecoder(pooling));
    }
    String dtype = json.optionalString(json.spelling("dtype", "torch_dtype")).orElse("float32");
    draft.dtype = ConfigJson.DTYPES.contains(dtype) ? dtype : "float32";
    return new HfConfig(family, draft, json);
  }

  private static void tokens(JsonFields json, ConfigDraft draft) {
    int last = ConfigDraft.MAX_COUNT;
    draft.bosId = json.integers("bos_token_id", -1, last).stream().findFirst().orElse(-1);
    Set<Integer> ends = new LinkedHashSet<>(json.integers("eos_token_id", -1, last));
    Path generation = json.file().resolveSibling(GENERATION);
    if (Files.exists(generation)) {
      JsonFields more = StrictJson.readObject(generation, MAX_BYTES);
      ends.addAll(more.integers("eos_token_id", -1, last));
    }
    ends.remove(-1);
    draft.eosIds = List.copyOf(ends);
  }

  /** The configuration as config.json has it. */
  ModelConfig config() {
    return draft.build(json);
  }

  /** The configuration with the element type that the weights really have. */
  ModelConfig withDtype(String dtype) {
    draft.dtype = dtype;
    return draft.build(json);
  }
}

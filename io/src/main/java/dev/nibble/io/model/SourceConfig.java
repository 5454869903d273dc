package dev.nibble.io.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.io.json.JsonFields;
import java.nio.file.Files;
import java.nio.file.Path;

/** The {@code config.json} of a model, edited for an export of it. */
public final class SourceConfig {
  private SourceConfig() {}

  /** File name. */
  public static final String NAME = HfConfig.NAME;

  /**
   * The model's config.json with {@code quantization_config} taken out and the head tied or not as
   * {@code config} says, after checking that it describes the same network.
   *
   * @param directory folder of the model
   * @param config what its tensors are
   * @throws NibbleException when there is none, as with GGUF files, or it describes another network
   */
  public static ObjectNode read(Path directory, ModelConfig config) {
    if (!Files.isRegularFile(directory.resolve(NAME))) {
      throw new NibbleException(
          directory
              + " has no "
              + NAME
              + ", as models from GGUF files have none; export from the original Hugging Face"
              + " directory, or as gguf");
    }
    JsonFields source = HfConfig.file(directory);
    ObjectNode json = source.node().deepCopy();
    json.remove("quantization_config");
    json.remove("compression_config");
    if (json.path("tie_word_embeddings").asBoolean(!config.tiedHead()) != config.tiedHead()) {
      json.put("tie_word_embeddings", config.tiedHead());
    }
    requireSame(new JsonFields(source.file(), "", json), config);
    return json;
  }

  private static void requireSame(JsonFields json, ModelConfig config) {
    ObjectNode expected = ConfigJson.write(config);
    ObjectNode found = ConfigJson.write(HfConfig.read(json).withDtype(config.dtype()));
    for (var field : expected.properties()) {
      JsonNode other = found.get(field.getKey());
      if (!field.getValue().equals(other)) {
        throw json.problem(
            "",
            "describes a network with "
                + field.getKey()
                + " "
                + JsonFields.shown(other.toString())
                + ", but the model's is "
                + JsonFields.shown(field.getValue().toString())
                + " after the recipe's rewrites, which its family cannot express; export as gguf"
                + " or keep the nibble format");
      }
    }
  }
}

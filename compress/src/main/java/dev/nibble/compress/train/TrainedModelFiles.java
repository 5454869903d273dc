package dev.nibble.compress.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.file.AtomicFile;
import dev.nibble.io.model.SourceTensors;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.io.token.train.ByteLevelBpe;
import dev.nibble.io.token.train.TokenizerFiles;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes a trained model as a Hugging Face directory. */
final class TrainedModelFiles {
  private static final ObjectMapper JSON = new ObjectMapper();

  private TrainedModelFiles() {}

  static void write(
      Path directory,
      TrainRecipe recipe,
      ResidentModel model,
      ByteLevelBpe tokenizer,
      TrainingCurve curve,
      String card) {
    ModelConfig config = model.config();
    weights(directory.resolve("model.safetensors"), config, model);
    json(directory.resolve("config.json"), config(config));
    json(directory.resolve("generation_config.json"), generation(config));
    TokenizerFiles.write(directory, tokenizer, SpecialTokens.CHAT_TEMPLATE, config.maxPositions());
    text(directory.resolve("training.json"), training(recipe, curve));
    text(directory.resolve("README.md"), card);
  }

  private static void weights(Path file, ModelConfig config, ResidentModel model) {
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    Map<String, String> names =
        SourceTensors.of(config).stream()
            .collect(
                Collectors.toMap(
                    s -> s.parts().getFirst().canonical(), SourceTensors.Source::name));
    model
        .parameters()
        .forEach(
            (name, tensor) -> {
              DenseTensor rounded =
                  DenseTensor.rounded(Torch.toFloats(tensor), DType.BF16, Torch.shape(tensor));
              entries.add(SafetensorsWriter.Entry.of(names.get(name), rounded));
            });
    SafetensorsWriter.write(file, Map.of("format", "pt"), entries, Progress.SILENT);
  }

  private static ObjectNode config(ModelConfig config) {
    ObjectNode root = JSON.createObjectNode();
    MoeConfig moe = config.moe();
    root.putArray("architectures").add(moe.present() ? "MixtralForCausalLM" : "LlamaForCausalLM");
    if (moe.present()) {
      root.put("num_local_experts", moe.experts()).put("num_experts_per_tok", moe.topK());
    }
    root.put("attention_bias", false)
        .put("attention_dropout", 0.0)
        .put("bos_token_id", config.bosId());
    ends(root, config);
    return root.put("head_dim", config.headDim())
        .put("hidden_act", "silu")
        .put("hidden_size", config.hiddenSize())
        .put("initializer_range", Trainer.DEVIATION)
        .put("intermediate_size", config.ffnSize())
        .put("max_position_embeddings", config.maxPositions())
        .put("mlp_bias", false)
        .put("model_type", config.family())
        .put("num_attention_heads", config.heads())
        .put("num_hidden_layers", config.layers())
        .put("num_key_value_heads", config.kvHeads())
        .put("pad_token_id", config.bosId())
        .put("rms_norm_eps", config.normEps())
        .putNull("rope_scaling")
        .put("rope_theta", config.rope().theta())
        .put("tie_word_embeddings", true)
        .put("torch_dtype", "bfloat16")
        .put("use_cache", true)
        .put("vocab_size", config.vocabSize());
  }

  private static void ends(ObjectNode root, ModelConfig config) {
    ArrayNode ids = root.putArray("eos_token_id");
    config.eosIds().forEach(ids::add);
  }

  private static ObjectNode generation(ModelConfig config) {
    ObjectNode root = JSON.createObjectNode();
    root.put("bos_token_id", config.bosId()).put("do_sample", true);
    ends(root, config);
    return root.put("max_length", config.maxPositions())
        .put("pad_token_id", config.bosId())
        .put("temperature", 0.7)
        .put("top_p", 0.9);
  }

  private static void json(Path file, ObjectNode content) {
    text(file, content.toPrettyString() + "\n");
  }

  private static void text(Path file, String content) {
    AtomicFile.write(file, content.getBytes(StandardCharsets.UTF_8));
  }

  private static String compact(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The recipe and the curve, one point a line. */
  private static String training(TrainRecipe recipe, TrainingCurve curve) {
    StringBuilder out = new StringBuilder();
    out.append("{\n\"recipe\": ").append(compact(recipe)).append(",\n");
    lines(out, "evaluations", curve.evaluations());
    out.append(",\n");
    lines(out, "steps", curve.steps());
    return out.append("\n}\n").toString();
  }

  private static void lines(StringBuilder out, String key, List<?> values) {
    out.append('"').append(key).append("\": [");
    for (int i = 0; i < values.size(); i++) {
      out.append(i == 0 ? "\n" : ",\n").append(compact(values.get(i)));
    }
    out.append("\n]");
  }
}

package dev.nibble.io.model;

import dev.nibble.core.model.EncoderConfig;
import dev.nibble.core.model.EncoderConfig.Head;
import dev.nibble.core.model.EncoderConfig.Pooling;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Activation;
import dev.nibble.core.model.ModelConfig.Positions;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.TensorNames;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.model.TensorTable.Fused;
import java.util.HashMap;
import java.util.Map;

/**
 * BERT and ELECTRA: their {@code config.json}, whose {@code architectures} say which head there is,
 * and their tensors. A folder {@code 1_Pooling} beside it, as Sentence Transformers writes, says
 * how a text's vector is made; without one it is the mean.
 */
final class EncoderFamilies {
  private static final int MAX = ConfigDraft.MAX_COUNT;

  private EncoderFamilies() {}

  static void bert(JsonFields c, ConfigDraft d) {
    common(c, d);
    Head head = head(c, "Bert");
    Activation act = head == Head.MASKED_LM ? d.activation : Activation.TANH;
    d.encoder = encoder(c, head, act);
    finish(c, d);
  }

  static void electra(JsonFields c, ConfigDraft d) {
    common(c, d);
    d.embeddingSize = c.integer("embedding_size", 1, MAX, 128);
    d.encoder = encoder(c, head(c, "Electra"), Activation.GELU);
    finish(c, d);
  }

  private static void common(JsonFields c, ConfigDraft d) {
    Families.sizes(c, d, "hidden_size", "num_hidden_layers", "num_attention_heads");
    d.kvHeads = d.heads;
    d.ffnSize = c.integer("intermediate_size", 1, MAX);
    d.maxPositions = c.integer("max_position_embeddings", 1, MAX, 512);
    d.norm = ModelConfig.Norm.LAYER;
    d.normEps = Families.eps(c, "layer_norm_eps", 1e-12);
    d.activation = Families.activation(c, "hidden_act", "gelu");
    d.gated = false;
    d.positions = Positions.LEARNED;
    d.residual = Residual.POST_NORM;
    Families.biases(d, true);
    d.embeddingNorm = true;
    d.finalNorm = false;
    String positions = c.optionalString("position_embedding_type").orElse("absolute");
    if (!positions.equals("absolute")) {
      throw c.problem("position_embedding_type", "only absolute is supported");
    }
    Families.only(c, "is_decoder", false);
    Families.only(c, "add_cross_attention", false);
  }

  private static void finish(JsonFields c, ConfigDraft d) {
    boolean predicts = d.encoder.head() == Head.MASKED_LM;
    d.tiedHead = predicts && c.flag("tie_word_embeddings", true);
    d.headBias = predicts;
  }

  private static EncoderConfig encoder(JsonFields c, Head head, Activation activation) {
    int types = c.integer("type_vocab_size", 1, MAX, 2);
    int labels = head == Head.CLASSIFIER ? labels(c) : 0;
    Pooling pooling = PoolingFile.beside(c.file()).orElse(Pooling.MEAN);
    return new EncoderConfig(types, head, activation, labels, pooling);
  }

  private static int labels(JsonFields c) {
    int named = c.optionalObject("id2label").map(names -> names.keys().size()).orElse(2);
    return c.integer("num_labels", 1, MAX, Math.max(1, named));
  }

  private static Head head(JsonFields c, String family) {
    String name = c.strings("architectures").stream().findFirst().orElse(family + "Model");
    return switch (name.replaceFirst("^" + family, "")) {
      // the head that finds replaced tokens is of use in pre-training only
      case "Model" -> Head.NONE;
      case "ForPreTraining" -> family.equals("Bert") ? Head.MASKED_LM : Head.NONE;
      case "ForMaskedLM" -> Head.MASKED_LM;
      case "ForSequenceClassification" -> Head.CLASSIFIER;
      default ->
          throw c.problem(
              "architectures",
              "'"
                  + JsonFields.shown(name)
                  + "' is not supported; supported are the heads Model, ForMaskedLM,"
                  + " ForPreTraining, ForSequenceClassification");
    };
  }

  static TensorTable bertTensors(ModelConfig config) {
    boolean classifier = config.encoder().head() == Head.CLASSIFIER;
    Map<String, String> ends = ends();
    ends.put(
        TensorNames.HEAD_DENSE, classifier ? "pooler.dense" : "cls.predictions.transform.dense");
    ends.put(TensorNames.HEAD_NORM, "cls.predictions.transform.LayerNorm");
    ends.put(TensorNames.HEAD, "cls.predictions.decoder");
    ends.put(TensorNames.bias(TensorNames.HEAD), "cls.predictions");
    ends.put(TensorNames.CLASSIFIER, "classifier");
    return table("bert.", ends);
  }

  static TensorTable electraTensors(ModelConfig config) {
    boolean classifier = config.encoder().head() == Head.CLASSIFIER;
    Map<String, String> ends = ends();
    ends.put(TensorNames.PROJECT_IN, "embeddings_project");
    ends.put(
        TensorNames.HEAD_DENSE, classifier ? "classifier.dense" : "generator_predictions.dense");
    ends.put(TensorNames.HEAD_NORM, "generator_predictions.LayerNorm");
    ends.put(TensorNames.HEAD, "generator_lm_head");
    ends.put(TensorNames.CLASSIFIER, "classifier.out_proj");
    return table("electra.", ends);
  }

  private static Map<String, String> ends() {
    Map<String, String> ends = new HashMap<>();
    ends.put(TensorNames.EMBEDDING, "embeddings.word_embeddings");
    ends.put(TensorNames.POSITIONS, "embeddings.position_embeddings");
    ends.put(TensorNames.TYPES, "embeddings.token_type_embeddings");
    ends.put(TensorNames.EMBEDDING_NORM, "embeddings.LayerNorm");
    return ends;
  }

  private static TensorTable table(String prefix, Map<String, String> ends) {
    return new TensorTable(
        prefix,
        Map.copyOf(ends),
        "encoder.layer",
        Map.of(
            TensorNames.Q, "attention.self.query",
            TensorNames.K, "attention.self.key",
            TensorNames.V, "attention.self.value",
            TensorNames.O, "attention.output.dense",
            TensorNames.INPUT_NORM, "attention.output.LayerNorm",
            TensorNames.UP, "intermediate.dense",
            TensorNames.DOWN, "output.dense",
            TensorNames.POST_NORM, "output.LayerNorm"),
        Fused.NONE,
        false);
  }
}

package dev.nibble.io.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.model.EncoderConfig;
import dev.nibble.core.model.LocalAttention;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.Scalars;
import dev.nibble.io.json.JsonFields;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * {@link ModelConfig} as JSON: every component of the record under its name in snake_case, enums in
 * lower case, {@code rope} as a nested object. Reading demands every field but {@code scalars},
 * {@code local}, {@code encoder}, {@code moe} and a decoder's {@code pooling}, which are written
 * only when they say something.
 */
final class ConfigJson {
  /** Element types that a configuration may name. */
  static final Set<String> DTYPES = Set.of("float32", "float16", "bfloat16");

  private static final int MAX = ConfigDraft.MAX_COUNT;
  private static final double HUGE = 1e12;

  private ConfigJson() {}

  static ObjectNode write(ModelConfig c) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("family", c.family());
    out.put("vocab_size", c.vocabSize());
    out.put("hidden_size", c.hiddenSize());
    out.put("layers", c.layers());
    out.put("heads", c.heads());
    out.put("kv_heads", c.kvHeads());
    out.put("head_dim", c.headDim());
    out.put("ffn_size", c.ffnSize());
    out.put("max_positions", c.maxPositions());
    out.put("norm", lower(c.norm()));
    out.put("norm_eps", c.normEps());
    out.put("activation", lower(c.activation()));
    out.put("gated", c.gated());
    out.put("positions", lower(c.positions()));
    out.put("position_offset", c.positionOffset());
    out.set("rope", rope(c.rope()));
    out.put("residual", lower(c.residual()));
    out.put("attention_bias", c.attentionBias());
    out.put("output_bias", c.outputBias());
    out.put("mlp_bias", c.mlpBias());
    out.put("qk_norm", c.qkNorm());
    out.put("embedding_norm", c.embeddingNorm());
    out.put("final_norm", c.finalNorm());
    out.put("tied_head", c.tiedHead());
    out.put("head_bias", c.headBias());
    out.put("sliding_window", c.slidingWindow());
    out.put("embedding_size", c.embeddingSize());
    out.put("dtype", c.dtype());
    out.put("bos_id", c.bosId());
    ArrayNode ends = out.putArray("eos_ids");
    c.eosIds().forEach(ends::add);
    if (c.moe().present()) {
      out.set("moe", MoeJson.write(c.moe()));
    }
    if (!c.scalars().equals(Scalars.USUAL)) {
      out.set("scalars", scalars(c.scalars()));
    }
    if (!c.local().layers().isEmpty()) {
      ObjectNode local = out.putObject("local");
      local.put("window", c.local().window());
      local.set("rope", rope(c.local().rope()));
      ArrayNode layers = local.putArray("layers");
      c.local().layers().forEach(layers::add);
    }
    if (c.encoder().present()) {
      ObjectNode encoder = out.putObject("encoder");
      encoder.put("token_types", c.encoder().tokenTypes());
      encoder.put("head", lower(c.encoder().head()));
      encoder.put("head_activation", lower(c.encoder().headActivation()));
      encoder.put("labels", c.encoder().labels());
      encoder.put("pooling", lower(c.encoder().pooling()));
    } else if (!c.encoder().equals(EncoderConfig.NONE)) {
      out.put("pooling", lower(c.encoder().pooling()));
    }
    return out;
  }

  private static ObjectNode scalars(Scalars s) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("embedding", s.embedding());
    out.put("attention", s.attention());
    out.put("attention_cap", s.attentionCap());
    out.put("logit_cap", s.logitCap());
    return out;
  }

  private static ObjectNode rope(RopeConfig r) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("theta", r.theta());
    out.put("dim", r.dim());
    out.put("scaling", lower(r.scaling()));
    out.put("factor", r.factor());
    out.put("low_freq_factor", r.lowFreqFactor());
    out.put("high_freq_factor", r.highFreqFactor());
    out.put("original_max_positions", r.originalMaxPositions());
    out.put("beta_fast", r.betaFast());
    out.put("beta_slow", r.betaSlow());
    out.put("attention_factor", r.attentionFactor());
    ArrayNode shortFactors = out.putArray("short_factor");
    for (double f : r.shortFactor()) {
      shortFactors.add(f);
    }
    ArrayNode longFactors = out.putArray("long_factor");
    for (double f : r.longFactor()) {
      longFactors.add(f);
    }
    return out;
  }

  static ModelConfig read(JsonFields c) {
    ConfigDraft d = new ConfigDraft();
    d.family = family(c);
    sizes(c, d);
    d.norm = c.constant("norm", ModelConfig.Norm.class);
    d.normEps = c.number("norm_eps", 0, 1);
    d.activation = c.constant("activation", ModelConfig.Activation.class);
    d.gated = c.flag("gated");
    d.positions = c.constant("positions", ModelConfig.Positions.class);
    d.positionOffset = c.integer("position_offset", 0, MAX);
    d.rope = readRope(c.object("rope"));
    d.residual = c.constant("residual", ModelConfig.Residual.class);
    d.attentionBias = c.flag("attention_bias");
    d.outputBias = c.flag("output_bias");
    d.mlpBias = c.flag("mlp_bias");
    d.qkNorm = c.flag("qk_norm");
    d.embeddingNorm = c.flag("embedding_norm");
    d.finalNorm = c.flag("final_norm");
    d.tiedHead = c.flag("tied_head");
    d.headBias = c.flag("head_bias");
    d.slidingWindow = c.integer("sliding_window", 0, MAX);
    d.dtype = c.string("dtype");
    if (!DTYPES.contains(d.dtype)) {
      throw c.problem("dtype", "must be one of " + DTYPES.stream().sorted().toList());
    }
    d.bosId = c.integer("bos_id", -1, MAX);
    d.eosIds = c.integers("eos_ids", 0, MAX);
    d.scalars = c.optionalObject("scalars").map(ConfigJson::readScalars).orElse(d.scalars);
    d.encoder =
        c.optionalObject("encoder").map(ConfigJson::readEncoder).orElseGet(() -> decoder(c));
    d.local = c.optionalObject("local").map(l -> readLocal(l, d.layers)).orElse(d.local);
    c.optionalObject("moe").ifPresent(m -> d.moe = MoeJson.read(m));
    return d.build(c);
  }

  /** Families of GGUF files are among those of config.json. */
  private static String family(JsonFields c) {
    String name = c.string("family");
    if (Families.find(name).isEmpty()) {
      throw c.problem(
          "family", "'" + JsonFields.shown(name) + "' is not one of " + Families.supported());
    }
    return name;
  }

  private static void sizes(JsonFields c, ConfigDraft d) {
    d.vocabSize = c.integer("vocab_size", 1, MAX);
    d.hiddenSize = c.integer("hidden_size", 1, MAX);
    d.layers = c.integer("layers", 1, ConfigDraft.MAX_LAYERS);
    d.heads = c.integer("heads", 1, MAX);
    d.kvHeads = c.integer("kv_heads", 1, MAX);
    d.headDim = c.integer("head_dim", 1, MAX);
    d.ffnSize = c.integer("ffn_size", 1, MAX);
    d.maxPositions = c.integer("max_positions", 1, MAX);
    d.embeddingSize = c.integer("embedding_size", 1, MAX);
  }

  private static Scalars readScalars(JsonFields s) {
    return new Scalars(
        s.number("embedding", 1e-12, HUGE),
        s.number("attention", 0, HUGE),
        s.number("attention_cap", 0, HUGE),
        s.number("logit_cap", 0, HUGE));
  }

  private static EncoderConfig readEncoder(JsonFields e) {
    EncoderConfig.Head head = e.constant("head", EncoderConfig.Head.class);
    return new EncoderConfig(
        e.integer("token_types", 1, MAX),
        head,
        e.constant("head_activation", ModelConfig.Activation.class),
        e.integer("labels", head == EncoderConfig.Head.CLASSIFIER ? 1 : 0, MAX),
        e.constant("pooling", EncoderConfig.Pooling.class));
  }

  private static EncoderConfig decoder(JsonFields c) {
    return c.has("pooling")
        ? EncoderConfig.ofDecoder(c.constant("pooling", EncoderConfig.Pooling.class))
        : EncoderConfig.NONE;
  }

  private static LocalAttention readLocal(JsonFields l, int layers) {
    List<Integer> indices = l.integers("layers", 0, layers - 1);
    for (int i = 1; i < indices.size(); i++) {
      if (indices.get(i) <= indices.get(i - 1)) {
        throw l.problem("layers", "must rise, but " + indices.get(i) + " comes late");
      }
    }
    return new LocalAttention(l.integer("window", 1, MAX), readRope(l.object("rope")), indices);
  }

  private static RopeConfig readRope(JsonFields r) {
    RopeConfig.Scaling scaling = r.constant("scaling", RopeConfig.Scaling.class);
    int dim = r.integer("dim", 0, MAX);
    boolean factors = scaling == RopeConfig.Scaling.LONGROPE;
    return new RopeConfig(
        r.number("theta", 1.001, HUGE),
        dim,
        scaling,
        r.number("factor", 1e-3, HUGE),
        r.number("low_freq_factor", 1e-6, HUGE),
        r.number("high_freq_factor", 1e-6, HUGE),
        r.integer("original_max_positions", 0, MAX),
        r.number("beta_fast", 1e-6, HUGE),
        r.number("beta_slow", 1e-6, HUGE),
        r.number("attention_factor", 0, HUGE),
        factors(r, "short_factor", factors ? dim / 2 : 0),
        factors(r, "long_factor", factors ? dim / 2 : 0));
  }

  private static double[] factors(JsonFields r, String key, int count) {
    List<Double> values = r.numbers(key, 1e-6, HUGE);
    if (values.size() != count) {
      throw r.problem(key, values.size() + " factors where " + count + " are needed");
    }
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static String lower(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}

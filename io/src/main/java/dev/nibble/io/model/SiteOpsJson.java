package dev.nibble.io.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.op.SiteOps;
import dev.nibble.io.json.JsonFields;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * {@link SiteOps} by site as JSON.
 *
 * <pre>
 * { "model.layers.0.mlp.down_proj": {
 *     "transforms": [ { "kind": "hadamard", "n": 768 },
 *                     { "kind": "head_hadamard", "heads": 8, "head_dim": 64 },
 *                     { "kind": "block_hadamard", "block": 128 },
 *                     { "kind": "permutation", "source": [2, 0, 1] },
 *                     { "kind": "scaling", "factor": [1.5, 0.25] } ],
 *     "input": { "bits": 8, "granularity": "token", "group_size": 0, "symmetric": true,
 *                "clip_ratio": 1.0, "static_scale": 0.0, "static_zero": 0 } } }
 * </pre>
 *
 * <p>Floats are written as the doubles they equal, so they come back bit for bit.
 */
public final class SiteOpsJson {
  private static final int MAX = ConfigDraft.MAX_COUNT;

  private SiteOpsJson() {}

  /** All sites, sorted by name. */
  public static ObjectNode write(Map<String, SiteOps> sites) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    new TreeMap<>(sites)
        .forEach(
            (name, ops) -> {
              ObjectNode site = out.putObject(name);
              ArrayNode transforms = site.putArray("transforms");
              ops.onlineTransforms().forEach(t -> transforms.add(transform(t)));
              ops.inputQuant().ifPresent(q -> site.set("input", quant(q)));
            });
    return out;
  }

  private static ObjectNode transform(OnlineTransform transform) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    switch (transform) {
      case OnlineTransform.Hadamard t -> out.put("kind", "hadamard").put("n", t.n());
      case OnlineTransform.HeadHadamard t ->
          out.put("kind", "head_hadamard").put("heads", t.heads()).put("head_dim", t.headDim());
      case OnlineTransform.BlockHadamard t ->
          out.put("kind", "block_hadamard").put("block", t.block());
      case OnlineTransform.Permutation t -> {
        ArrayNode source = out.put("kind", "permutation").putArray("source");
        for (int i : t.source()) {
          source.add(i);
        }
      }
      case OnlineTransform.Scaling t -> {
        ArrayNode factor = out.put("kind", "scaling").putArray("factor");
        for (float f : t.factor()) {
          factor.add((double) f);
        }
      }
    }
    return out;
  }

  private static ObjectNode quant(ActivationQuant q) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("bits", q.bits());
    out.put("granularity", q.granularity().name().toLowerCase(Locale.ROOT));
    out.put("group_size", q.groupSize());
    out.put("symmetric", q.symmetric());
    out.put("clip_ratio", (double) q.clipRatio());
    out.put("static_scale", (double) q.staticScale());
    out.put("static_zero", q.staticZero());
    return out;
  }

  /** Reads what {@link #write} wrote. */
  public static Map<String, SiteOps> read(JsonFields sites) {
    Map<String, SiteOps> out = new LinkedHashMap<>();
    for (String name : sites.keys()) {
      JsonFields site = sites.object(name);
      List<OnlineTransform> transforms =
          site.objects("transforms").stream().map(SiteOpsJson::readTransform).toList();
      Optional<ActivationQuant> input = site.optionalObject("input").map(SiteOpsJson::readQuant);
      out.put(name, new SiteOps(transforms, input));
    }
    return out;
  }

  private static OnlineTransform readTransform(JsonFields t) {
    String kind = t.string("kind");
    return switch (kind) {
      case "hadamard" -> new OnlineTransform.Hadamard(t.integer("n", 1, MAX));
      case "head_hadamard" ->
          new OnlineTransform.HeadHadamard(
              t.integer("heads", 1, MAX), t.integer("head_dim", 1, MAX));
      case "block_hadamard" -> new OnlineTransform.BlockHadamard(t.integer("block", 1, MAX));
      case "permutation" -> permutation(t);
      case "scaling" -> {
        List<Double> factors = t.numbers("factor", -Float.MAX_VALUE, Float.MAX_VALUE);
        float[] factor = new float[factors.size()];
        for (int i = 0; i < factor.length; i++) {
          factor[i] = factors.get(i).floatValue();
        }
        yield new OnlineTransform.Scaling(factor);
      }
      default ->
          throw t.problem(
              "kind",
              "'"
                  + JsonFields.shown(kind)
                  + "' is not known; the artefact was made by a newer version of Nibble");
    };
  }

  private static OnlineTransform permutation(JsonFields t) {
    int[] source = t.integers("source", 0, MAX).stream().mapToInt(Integer::intValue).toArray();
    boolean[] seen = new boolean[source.length];
    for (int i : source) {
      if (i >= source.length || seen[i]) {
        throw t.problem("source", "is not a permutation: " + i + " is out of range or twice there");
      }
      seen[i] = true;
    }
    return new OnlineTransform.Permutation(source);
  }

  private static ActivationQuant readQuant(JsonFields q) {
    var granularity = q.constant("granularity", ActivationQuant.Granularity.class);
    int least = granularity == ActivationQuant.Granularity.GROUP ? 1 : 0;
    int bits = q.integer("bits", 2, 8);
    return new ActivationQuant(
        bits,
        granularity,
        q.integer("group_size", least, MAX),
        q.flag("symmetric"),
        (float) q.number("clip_ratio", 1e-6, 1),
        (float) q.number("static_scale", 0, Float.MAX_VALUE),
        q.integer("static_zero", 0, (1 << bits) - 1));
  }
}

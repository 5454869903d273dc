package dev.nibble.io.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.op.SiteOps;
import dev.nibble.io.json.JsonFields;
import java.util.HashMap;
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
 *     "transforms": [ of the input, each as {@link TransformJson} says ],
 *     "input": { "bits": 8, "granularity": "token", "group_size": 0, "symmetric": true,
 *                "clip_ratio": 1.0, "static_scale": 0.0, "static_zero": 0 },
 *     "output_transforms": [ of the output, if any ] },
 *   "model.layers.0.mlp.up_proj": {
 *     "transforms_of": an earlier site whose input transforms are the same ones } }
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
    Map<List<OnlineTransform>, String> shared = new HashMap<>();
    new TreeMap<>(sites)
        .forEach(
            (name, ops) -> {
              ObjectNode site = out.putObject(name);
              String known = shared.putIfAbsent(ops.onlineTransforms(), name);
              if (known == null || ops.onlineTransforms().isEmpty()) {
                transforms(site.putArray("transforms"), ops.onlineTransforms());
              } else {
                site.put("transforms_of", known);
              }
              ops.inputQuant().ifPresent(q -> site.set("input", quant(q)));
              if (!ops.outputTransforms().isEmpty()) {
                transforms(site.putArray("output_transforms"), ops.outputTransforms());
              }
            });
    return out;
  }

  private static void transforms(ArrayNode out, List<OnlineTransform> transforms) {
    transforms.forEach(t -> out.add(TransformJson.write(t)));
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
          site.optionalString("transforms_of")
              .map(other -> transformsOf(site, out.get(other)))
              .orElseGet(() -> readTransforms(site, "transforms"));
      Optional<ActivationQuant> input = site.optionalObject("input").map(SiteOpsJson::readQuant);
      out.put(name, new SiteOps(transforms, input, readTransforms(site, "output_transforms")));
    }
    return out;
  }

  private static List<OnlineTransform> readTransforms(JsonFields site, String key) {
    return site.objects(key).stream().map(TransformJson::read).toList();
  }

  private static List<OnlineTransform> transformsOf(JsonFields site, SiteOps other) {
    if (other == null) {
      throw site.problem("transforms_of", "names no site before this one");
    }
    return other.onlineTransforms();
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

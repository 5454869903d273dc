package dev.nibble.pipeline.journal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.block.SolvedSite;
import dev.nibble.compress.block.StepEvent;
import dev.nibble.core.op.SiteOps;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.model.SiteOpsJson;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A finished block, or a finished training of the whole model: what the journal holds about the
 * file that keeps its tensors. Tensors of later units replace those of earlier ones.
 *
 * @param index position among all blocks, after which trainings follow
 * @param name block name, as {@code model.layers.3}, or the step that trained the model
 * @param sha256 hash of the unit file
 * @param values checksum of each stored tensor's simulated fp32 values, by canonical name, see
 *     {@link ValueChecksum}
 * @param operators run-time operators of the block's sites that are not plain
 * @param solved how well each site was solved, by site
 * @param events notable things, in order of site
 * @param streams checksums of the activations that leave the block, one a batch, by stream
 * @param seconds time the block took
 */
public record UnitRecord(
    int index,
    String name,
    String sha256,
    Map<String, Long> values,
    Map<String, SiteOps> operators,
    List<SolvedSite> solved,
    List<StepEvent> events,
    Map<String, List<Long>> streams,
    double seconds) {

  /** Copies the collections. */
  public UnitRecord {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    operators = Collections.unmodifiableMap(new LinkedHashMap<>(operators));
    streams = Collections.unmodifiableMap(new LinkedHashMap<>(streams));
    solved = List.copyOf(solved);
    events = List.copyOf(events);
  }

  /** JSON form. */
  ObjectNode toJson() {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("index", index).put("name", name).put("sha256", sha256).put("seconds", seconds);
    ObjectNode valueNode = out.putObject("values");
    values.forEach(valueNode::put);
    out.set("operators", SiteOpsJson.write(operators));
    out.set("solved", StepJson.solved(solved));
    out.set("events", StepJson.events(events));
    ObjectNode streamNode = out.putObject("streams");
    streams.forEach((stream, sums) -> sums.forEach(streamNode.putArray(stream)::add));
    return out;
  }

  /** Reads the JSON form. */
  static UnitRecord fromJson(JsonFields in) {
    Map<String, Long> values = new LinkedHashMap<>();
    in.object("values")
        .node()
        .properties()
        .forEach(e -> values.put(e.getKey(), e.getValue().longValue()));
    Map<String, List<Long>> streams = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> stream : in.object("streams").node().properties()) {
      List<Long> sums = new ArrayList<>();
      stream.getValue().forEach(sum -> sums.add(sum.longValue()));
      streams.put(stream.getKey(), List.copyOf(sums));
    }
    return new UnitRecord(
        in.integer("index", 0, Integer.MAX_VALUE),
        in.string("name"),
        in.string("sha256"),
        values,
        SiteOpsJson.read(in.object("operators")),
        in.objects("solved").stream().map(StepJson::solved).toList(),
        in.objects("events").stream().map(StepJson::event).toList(),
        streams,
        in.number("seconds", 0, Double.MAX_VALUE));
  }
}

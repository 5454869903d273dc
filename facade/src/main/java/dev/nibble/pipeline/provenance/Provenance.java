package dev.nibble.pipeline.provenance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.allocate.AllocationReport;
import dev.nibble.compress.block.SolvedSite;
import dev.nibble.compress.block.StepEvent;
import dev.nibble.io.json.JsonFields;
import dev.nibble.pipeline.journal.RunIdentity;
import dev.nibble.pipeline.journal.StepJson;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What an artefact's bytes follow from, and what was done to get them.
 *
 * @param identity recipe, source files, calibration, version and processor
 * @param source name of the source
 * @param calibrationTokens tokens that steps looked at, 0 for none
 * @param elements number of weights
 * @param sourceBytes size of the source's weights
 * @param fileBytes size of the artefact's weights file
 * @param bytesByType stored bytes by type
 * @param allocations why allocate steps decided as they did, in order of the steps
 * @param solved how well each site was solved
 * @param events notable things that steps did, in execution order
 */
public record Provenance(
    RunIdentity identity,
    String source,
    long calibrationTokens,
    long elements,
    long sourceBytes,
    long fileBytes,
    Map<String, Long> bytesByType,
    List<AllocationReport> allocations,
    List<SolvedSite> solved,
    List<StepEvent> events) {

  /** Copies the collections. */
  public Provenance {
    bytesByType = Collections.unmodifiableMap(new TreeMap<>(bytesByType));
    allocations = List.copyOf(allocations);
    solved = List.copyOf(solved);
    events = List.copyOf(events);
  }

  /** Bits per weight over the whole weights file. */
  public double bitsPerWeight() {
    return 8.0 * fileBytes / elements;
  }

  /** JSON form, the {@code provenance} of a manifest. */
  public ObjectNode toJson() {
    ObjectNode out = identity.toJson();
    out.put("fingerprint", identity.fingerprint());
    out.put("source", source);
    out.put("calibration_tokens", calibrationTokens);
    out.put("elements", elements);
    out.put("source_bytes", sourceBytes);
    out.put("file_bytes", fileBytes);
    out.put("bits_per_weight", bitsPerWeight());
    ObjectNode types = out.putObject("bytes_by_type");
    bytesByType.forEach(types::put);
    if (!allocations.isEmpty()) {
      out.set("allocations", AllocationJson.of(allocations));
    }
    out.set("solved", StepJson.solved(solved));
    out.set("events", StepJson.events(events));
    return out;
  }

  /** Reads the JSON form. */
  public static Provenance fromJson(JsonFields in) {
    Map<String, Long> types = new TreeMap<>();
    for (Map.Entry<String, JsonNode> type : in.object("bytes_by_type").node().properties()) {
      types.put(type.getKey(), type.getValue().longValue());
    }
    return new Provenance(
        RunIdentity.fromJson(in),
        in.string("source"),
        in.node().path("calibration_tokens").longValue(),
        in.node().path("elements").longValue(),
        in.node().path("source_bytes").longValue(),
        in.node().path("file_bytes").longValue(),
        types,
        in.has("allocations")
            ? in.objects("allocations").stream().map(AllocationJson::read).toList()
            : List.of(),
        in.objects("solved").stream().map(StepJson::solved).toList(),
        in.objects("events").stream().map(StepJson::event).toList());
  }
}

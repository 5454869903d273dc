package dev.nibble.pipeline.provenance;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.allocate.AllocationReport;
import dev.nibble.io.json.JsonFields;
import java.util.List;

/** JSON form of what allocate steps decided; a score that is no finite number is null. */
final class AllocationJson {
  private static final double MOST = Double.MAX_VALUE;

  private AllocationJson() {}

  static ArrayNode of(List<AllocationReport> reports) {
    ArrayNode out = JsonNodeFactory.instance.arrayNode();
    for (AllocationReport report : reports) {
      ObjectNode one = out.addObject().put("step", report.step()).put("target", report.target());
      ArrayNode rows = one.putArray("rows");
      for (AllocationReport.Row row : report.rows()) {
        rows.addObject()
            .put("unit", row.unit())
            .put("score", Double.isFinite(row.score()) ? row.score() : null)
            .put("rank", row.rank())
            .put("level", row.level())
            .put("bytes", row.bytes())
            .put("weights", row.weights());
      }
      ArrayNode frontier = one.putArray("frontier");
      for (AllocationReport.Point point : report.frontier()) {
        frontier
            .addObject()
            .put("bytes", point.bytes())
            .put("predicted_error", point.predictedError());
      }
    }
    return out;
  }

  static AllocationReport read(JsonFields in) {
    return new AllocationReport(
        in.string("step"),
        in.string("target"),
        in.objects("rows").stream().map(AllocationJson::row).toList(),
        in.objects("frontier").stream().map(AllocationJson::point).toList());
  }

  private static AllocationReport.Row row(JsonFields in) {
    return new AllocationReport.Row(
        in.string("unit"),
        in.number("score", -MOST, MOST, Double.NaN),
        in.integer("rank", 0, Integer.MAX_VALUE),
        in.string("level"),
        in.node().path("bytes").longValue(),
        in.node().path("weights").longValue());
  }

  private static AllocationReport.Point point(JsonFields in) {
    return new AllocationReport.Point(
        in.node().path("bytes").longValue(), in.number("predicted_error", -MOST, MOST));
  }
}

package dev.nibble.eval.report;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;

/**
 * The JSON beside a report: {@code format}, {@code version}, {@code title}, {@code subtitle}, then
 * one member per section under its key, with the components of its record. Figures that are not
 * finite are null.
 */
final class ReportJson {
  static final int VERSION = 1;

  private static final ObjectMapper MAPPER =
      new ObjectMapper()
          .registerModule(
              new SimpleModule()
                  .addSerializer(Double.class, new FiniteDouble())
                  .addSerializer(double.class, new FiniteDouble()));

  private ReportJson() {}

  static String render(Report report) {
    ObjectNode root = MAPPER.createObjectNode();
    root.put("format", "nibble-report").put("version", VERSION);
    root.put("title", report.title()).put("subtitle", report.subtitle());
    for (Section section : report.sections()) {
      ObjectNode content = MAPPER.valueToTree(section);
      content.remove("key");
      root.set(section.key(), content);
    }
    try {
      return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static final class FiniteDouble extends JsonSerializer<Double> {
    @Override
    public void serialize(Double value, JsonGenerator out, SerializerProvider provider)
        throws IOException {
      if (Double.isFinite(value)) {
        out.writeNumber(value);
      } else {
        out.writeNull();
      }
    }
  }
}

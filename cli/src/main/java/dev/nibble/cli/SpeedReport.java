package dev.nibble.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.eval.report.Figures;
import dev.nibble.eval.report.TextTable;
import dev.nibble.eval.report.Unit;
import dev.nibble.io.json.StrictJson;
import dev.nibble.runtime.measure.Speeds;
import dev.nibble.runtime.measure.Speeds.Samples;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Speeds as tables and as JSON. */
final class SpeedReport {
  private final String model;
  private final Speeds speeds;

  /**
   * A report.
   *
   * @param model what the user calls the model
   */
  SpeedReport(String model, Speeds speeds) {
    this.model = model;
    this.speeds = speeds;
  }

  String toText() {
    return about().toText() + "\n" + reading().toText() + "\n" + writing().toText();
  }

  private TextTable about() {
    Speeds.Start start = speeds.start();
    TextTable table = new TextTable("", "").left(1);
    table.row("Model", model + ", " + speeds.config().family());
    table.row("Kernels", speeds.kernels().replaceAll("[{}]", ""));
    table.row("Threads", Integer.toString(speeds.threads()));
    table.row("Memory", gigabytes(speeds.bandwidth()) + " GB/s");
    table.row("Load", Figures.text(start.loadSeconds(), Unit.SECONDS));
    table.row(
        "First token",
        String.format(
            Locale.ROOT,
            "%s cold, %s warm, after a prompt of %d",
            milliseconds(start.coldSeconds()),
            milliseconds(start.warmSeconds().median()),
            start.prompt()));
    return table;
  }

  private TextTable reading() {
    TextTable table = new TextTable("prompt", "tokens/s", "range").left(0);
    for (Speeds.Prefill p : speeds.prefills()) {
      table.row(p.tokens() + " tokens", rate(p.rate().median()), range(p.rate()));
    }
    return table;
  }

  private TextTable writing() {
    TextTable table =
        new TextTable(
            "sessions",
            "tokens/s",
            "range",
            "each",
            "weights per token",
            "of bandwidth",
            "memory each");
    for (Speeds.Decode d : speeds.decodes()) {
      table.row(
          d.sessions() + " × " + d.tokens() + " tokens",
          rate(d.rate().median()),
          range(d.rate()),
          rate(d.rate().median() / d.sessions()),
          Figures.text(speeds.weightBytesPerToken(d), Unit.BYTES),
          share(speeds.bandwidthShare(d)),
          Figures.text((double) d.sessionBytes(), Unit.BYTES));
    }
    return table;
  }

  private static String share(double value) {
    return Double.isNaN(value) ? "" : String.format(Locale.ROOT, "%.0f %%", 100 * value);
  }

  private static String milliseconds(double seconds) {
    return seconds < 1
        ? String.format(Locale.ROOT, "%.0f ms", 1000 * seconds)
        : Figures.text(seconds, Unit.SECONDS);
  }

  private static String gigabytes(Samples samples) {
    return String.format(Locale.ROOT, "%.1f", samples.median() / 1e9);
  }

  private static String rate(double value) {
    return String.format(Locale.ROOT, value < 1000 ? "%.1f" : "%.0f", value);
  }

  private static String range(Samples samples) {
    return rate(samples.least()) + "–" + rate(samples.most());
  }

  String toJson() {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("model", model);
    out.put("family", speeds.config().family());
    out.put("kernels", speeds.kernels());
    out.put("threads", speeds.threads());
    out.put("weight_bytes_per_pass", speeds.weightBytes());
    samples(out.putObject("bandwidth_bytes_per_second"), speeds.bandwidth());
    ObjectNode start = out.putObject("first_token");
    start.put("prompt", speeds.start().prompt());
    start.put("load_seconds", speeds.start().loadSeconds());
    start.put("cold_seconds", speeds.start().coldSeconds());
    samples(start.putObject("warm_seconds"), speeds.start().warmSeconds());
    ArrayNode prefills = out.putArray("prefill");
    for (Speeds.Prefill p : speeds.prefills()) {
      ObjectNode row = prefills.addObject();
      row.put("tokens", p.tokens());
      samples(row.putObject("tokens_per_second"), p.rate());
    }
    ArrayNode decodes = out.putArray("decode");
    for (Speeds.Decode d : speeds.decodes()) {
      ObjectNode row = decodes.addObject();
      row.put("sessions", d.sessions());
      row.put("depth", d.depth());
      row.put("tokens", d.tokens());
      samples(row.putObject("tokens_per_second"), d.rate());
      if (!Double.isNaN(speeds.bandwidthShare(d))) {
        row.put("weight_bytes_per_token", speeds.weightBytesPerToken(d));
        row.put("bandwidth_share", speeds.bandwidthShare(d));
      }
      row.put("session_bytes", d.sessionBytes());
    }
    return new String(StrictJson.pretty(out), StandardCharsets.UTF_8);
  }

  private static void samples(ObjectNode node, Samples samples) {
    node.put("median", samples.median());
    ArrayNode all = node.putArray("all");
    samples.values().forEach(all::add);
  }
}

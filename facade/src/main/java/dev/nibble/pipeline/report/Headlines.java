package dev.nibble.pipeline.report;

import dev.nibble.eval.report.Measure;
import dev.nibble.eval.report.Section;
import dev.nibble.eval.report.Unit;
import dev.nibble.eval.statistics.Estimate;
import dev.nibble.pipeline.provenance.Fidelity;
import dev.nibble.pipeline.provenance.Provenance;
import dev.nibble.pipeline.provenance.RunLog;
import java.util.ArrayList;
import java.util.List;

/**
 * The table to read first: size, quality, time and memory, before and after, forecast and actual.
 */
public final class Headlines {
  private Headlines() {}

  /**
   * The table of a finished artefact.
   *
   * @param fileBytes size of its weights file as it lies on disk
   */
  public static Section.Headline of(Provenance provenance, RunLog log, long fileBytes) {
    double elements = provenance.elements();
    List<Measure> rows = new ArrayList<>();
    rows.add(
        Measure.of("file_bytes", "Weights file", Unit.BYTES)
            .before((double) provenance.sourceBytes())
            .after((double) fileBytes)
            .forecast((double) provenance.fileBytes()));
    rows.add(
        Measure.of("bits_per_weight", "Bits per weight", Unit.BITS)
            .before(8.0 * provenance.sourceBytes() / elements)
            .after(8.0 * fileBytes / elements)
            .forecast(provenance.bitsPerWeight())
            .note("over the whole file"));
    log.fidelity().ifPresent(f -> rows.addAll(quality(f)));
    rows.add(
        Measure.of("seconds", "Time to quantize", Unit.SECONDS)
            .after(log.seconds())
            .forecast(log.forecast().seconds() > 0 ? log.forecast().seconds() : Double.NaN)
            .note(
                log.resumedBlocks() > 0
                    ? log.resumedBlocks() + " blocks were taken over from an interrupted run"
                    : ""));
    rows.add(
        Measure.of("memory_bytes", "Peak memory", Unit.BYTES)
            .after((double) log.memoryBytes())
            .forecast((double) log.forecast().memoryBytes())
            .note("anonymous memory while quantizing"));
    return new Section.Headline(rows);
  }

  private static List<Measure> quality(Fidelity f) {
    if (f.vectors().isPresent()) {
      return encoder(f, f.vectors().get());
    }
    return List.of(
        measure("perplexity", "Perplexity", Unit.PERPLEXITY, f.perplexityAfter())
            .before(f.perplexityBefore().value())
            .note(f.conditions() + ", " + f.positions() + " positions" + errors(f)),
        measure("kld", "KL divergence", Unit.NATS, f.kld()).note("mean, nats, lower is better"),
        measure("top1", "Same top token", Unit.SHARE, f.top1()));
  }

  private static List<Measure> encoder(Fidelity f, Fidelity.Vectors v) {
    List<Measure> rows = new ArrayList<>();
    rows.add(
        measure("cosine", "Cosine to original", Unit.NUMBER, v.cosine())
            .note("mean over " + f.conditions()));
    rows.add(Measure.of("cosine_min", "Smallest cosine", Unit.NUMBER).after(v.cosineMin()));
    rows.add(measure("nearest", "Same nearest text", Unit.SHARE, v.nearest()));
    rows.add(
        measure("neighbours", "Same 10 nearest", Unit.SHARE, v.neighbours()).note("mean overlap"));
    if (f.positions() > 0) {
      rows.add(
          measure("kld", "KL divergence", Unit.NATS, f.kld())
              .note("mean over " + f.positions() + " predictions of the head, nats"));
      rows.add(measure("top1", "Same top prediction", Unit.SHARE, f.top1()));
    }
    return rows;
  }

  private static Measure measure(String key, String name, Unit unit, Estimate value) {
    return Measure.of(key, name, unit).after(value.value()).error(value.standardError());
  }

  private static String errors(Fidelity f) {
    return f.errors() == 0 ? "" : "; " + f.errors() + " positions were not finite";
  }
}

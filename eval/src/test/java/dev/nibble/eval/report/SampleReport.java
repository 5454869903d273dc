package dev.nibble.eval.report;

import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.FakeModel;
import dev.nibble.eval.divergence.Baseline;
import dev.nibble.eval.divergence.Divergence;
import dev.nibble.eval.divergence.DivergenceResult;
import dev.nibble.eval.perplexity.Protocol;
import dev.nibble.eval.perplexity.TokenizedText;
import dev.nibble.eval.perplexity.Windows;
import dev.nibble.eval.scoring.Window;
import dev.nibble.eval.statistics.Estimate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** A report with every section, of made-up but plausible content. */
final class SampleReport {
  private static final List<String> KINDS =
      List.of(
          "self_attn.q_proj",
          "self_attn.k_proj",
          "self_attn.v_proj",
          "self_attn.o_proj",
          "mlp.gate_proj",
          "mlp.up_proj",
          "mlp.down_proj");

  private SampleReport() {}

  static Report full() {
    return new Report(
        "tiny-lm · gptq-w4",
        "2026-01-01 · Nibble 0.1.0 · 2 threads, x86-64",
        List.of(
            headline(),
            sites(12),
            sizes(),
            new Section.Distance(divergence()),
            tasks(),
            frontier(),
            curves(),
            new Section.EventLog(
                List.of(
                    new Section.EventRow(
                        "gptq.damping", "model.layers.3.mlp.down_proj", "raised to 0.1"))),
            new Section.Listing(
                "sample", "A sample", "Once upon a time there was a <robot> & its \"friend\"."),
            new Section.Listing("recipe", "Recipe", "steps:\n  - gptq: { spec: int4:g128 }\n"),
            facts()));
  }

  static Section.Headline headline() {
    List<Measure> rows = new ArrayList<>();
    rows.add(
        Measure.of("file_bytes", "File size", Unit.BYTES)
            .before(15_728_640)
            .after(4_718_592)
            .forecast(4_718_592));
    rows.add(
        Measure.of("bpw_model", "Bits per weight", Unit.BITS)
            .before(16)
            .after(4.787)
            .note("whole file; linear layers 4.156"));
    rows.addAll(Measure.divergence(divergence()));
    rows.add(Measure.of("seconds", "Time", Unit.SECONDS).after(41.3).forecast(38));
    rows.add(Measure.of("peak_bytes", "Peak memory", Unit.BYTES).after(612e6).forecast(650e6));
    return new Section.Headline(rows);
  }

  static Section.Sites sites(int layers) {
    SplittableRandom random = new SplittableRandom(4);
    List<Section.SiteRow> rows = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      for (String kind : KINDS) {
        double rtn = Math.pow(10, -2.1 + 0.02 * layer + 0.25 * random.nextDouble());
        boolean wide = kind.contains("down") && layer % 4 == 0;
        rows.add(
            new Section.SiteRow(
                "model.layers." + layer + "." + kind,
                wide ? "int6:g128:asym" : "int4:g128:asym",
                rtn * (wide ? 0.05 : random.nextDouble(0.3, 0.75)),
                rtn * (wide ? 0.08 : 1),
                wide ? 6.17 : 4.156,
                kind.startsWith("mlp") ? 204_800 : 68_096));
      }
    }
    rows.add(new Section.SiteRow("lm_head", "int8:channel:sym", 0, Double.NaN, 8.06, 1_056_000));
    return new Section.Sites(rows);
  }

  static Section.Sizes sizes() {
    return new Section.Sizes(
        List.of(
            new Section.SizePart("attention", 4_194_304, 1_089_536),
            new Section.SizePart("mlp", 9_437_184, 2_451_456),
            new Section.SizePart("embedding", 2_097_152, 2_097_152),
            new Section.SizePart("norms and biases", 17_408, 17_408)));
  }

  static DivergenceResult divergence() {
    int[] tokens = new SplittableRandom(5).ints(1600, 0, 64).toArray();
    List<Window> windows =
        Windows.of(
            new TokenizedText("bundled", tokens, 1, false), Protocol.parse("gptq:64").resolve(64));
    try (Workers workers = new Workers(1);
        Baseline baseline = Baseline.live(FakeModel.random(64, 64, 1, 0, 0), windows, workers)) {
      FakeModel quantized = FakeModel.random(64, 64, 1, 0.4, 2);
      return Divergence.measure(
          baseline, quantized, "gptq window=64 bos=default, bundled", workers, Progress.SILENT);
    }
  }

  static Section.Tasks tasks() {
    return new Section.Tasks(
        List.of(
            new Section.TaskRow(
                "arc_easy v1",
                "acc",
                "0-shot, test",
                2376,
                new Estimate(0.3123, 0.0095),
                new Estimate(0.3081, 0.0095),
                0.041,
                0.37),
            new Section.TaskRow(
                "lambada_openai v1",
                "ppl",
                "0-shot, test",
                5153,
                null,
                new Estimate(214.2, 9.1),
                Double.NaN,
                Double.NaN)));
  }

  static Section.Frontier frontier() {
    return new Section.Frontier(
        List.of(
            point("rtn-w4", "rtn", 4.79, 0.0412),
            point("rtn-w3", "rtn", 3.85, 0.291),
            point("gptq-w4", "gptq", 4.79, 0.0168),
            point("gptq-w3", "gptq", 3.85, 0.0921),
            point("gptq-w2-g32", "gptq", 3.32, 0.71),
            point("awq-w4", "awq", 4.79, 0.0201),
            point("rtn-w8", "rtn", 8.4, 0.00021)));
  }

  private static Section.Point point(String label, String group, double bits, double kld) {
    return new Section.Point(
        label, group, bits, (long) (bits * 983_040), kld, kld / 25, 1 - kld / 2, 8.1 + kld, 30);
  }

  static Section.Curves curves() {
    List<Double> x = new ArrayList<>();
    List<Double> train = new ArrayList<>();
    List<Double> valid = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(6);
    for (int i = 0; i < 200; i++) {
      x.add(i * 10.0);
      train.add(1.4 + 6 * Math.exp(-i / 25.0) + 0.1 * random.nextDouble());
      valid.add(1.5 + 6 * Math.exp(-i / 24.0));
    }
    return new Section.Curves(
        "training",
        "Training",
        "step",
        "loss in nats per token",
        List.of(new Section.Series("train", x, train), new Section.Series("held out", x, valid)));
  }

  static Section.Facts facts() {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("source", "models/tiny-lm");
    values.put(
        "source hash", "sha256:5d34a34a12acbd8b0d4d8b400cb4ad72e6cdd49673d4b27b5b4c4e93030bc7ee");
    values.put("calibration", "bundled, 32 × 256 tokens, seed 0");
    return new Section.Facts("provenance", "Provenance", values);
  }
}

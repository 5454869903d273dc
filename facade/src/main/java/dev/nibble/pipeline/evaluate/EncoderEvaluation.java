package dev.nibble.pipeline.evaluate;

import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.eval.encoding.EncoderDistance;
import dev.nibble.eval.encoding.EncoderDistanceResult;
import dev.nibble.eval.encoding.SimilarityScore;
import dev.nibble.eval.report.Measure;
import dev.nibble.eval.report.Unit;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.token.Tokenizer;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.TextEncoder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Measures encoders in the runtime, alone or beside their original. */
final class EncoderEvaluation {
  private EncoderEvaluation() {}

  /** Both encoders on the same sentences. */
  static EncoderDistanceResult distance(
      Path original,
      Path quantized,
      String text,
      DataCatalog data,
      int threads,
      Progress progress) {
    RuntimeOptions options = RuntimeOptions.DEFAULT.withThreads(threads);
    try (TextEncoder before = TextEncoder.load(original, options);
        TextEncoder after = TextEncoder.load(quantized, options)) {
      Tokenizer tokenizer = before.tokenizer();
      int longest = Math.min(before.config().maxPositions(), after.config().maxPositions());
      EncoderTexts texts = EncoderTexts.of(text, data, tokenizer, longest);
      int mask = tokenizer.idOf("[MASK]").orElse(0);
      return EncoderDistance.measure(
          before, after, texts.tokens(), mask, texts.conditions(), progress);
    }
  }

  /**
   * What {@code nibble evaluate} says of an encoder.
   *
   * @throws NibbleException when nothing was asked for that can be measured
   */
  static List<Measure> measure(Evaluation asked, Path model, Optional<Path> base) {
    List<Measure> rows = new ArrayList<>();
    for (String task : asked.tasks()) {
      if (!task.equals(SimilarityScore.STSB)) {
        throw new NibbleException(
            "task " + task + " needs a language model; an encoder can do " + SimilarityScore.STSB);
      }
      Measure row =
          Measure.of("stsb_spearman", "STS-B Spearman", Unit.NUMBER).after(stsb(asked, model));
      rows.add(base.map(b -> row.before(stsb(asked, b))).orElse(row));
    }
    base.map(b -> distance(b, model, asked.text(), asked.data(), asked.threads(), asked.progress()))
        .ifPresent(d -> rows.addAll(Measure.encoders(d)));
    if (rows.isEmpty()) {
      throw new NibbleException(
          "an encoder has no perplexity to measure; name the original with --base, or a task with"
              + " --tasks "
              + SimilarityScore.STSB);
    }
    return rows;
  }

  private static double stsb(Evaluation asked, Path model) {
    List<SimilarityScore.Pair> pairs =
        SimilarityScore.read(
            asked.data().file(SimilarityScore.STSB_FILE), asked.taskOptions().limit());
    RuntimeOptions options = RuntimeOptions.DEFAULT.withThreads(asked.threads());
    try (TextEncoder encoder = TextEncoder.load(model, options)) {
      Tokenizer tokenizer = encoder.tokenizer();
      int longest = encoder.config().maxPositions();
      return SimilarityScore.measure(
          encoder,
          pairs,
          text -> TextEncoder.cut(tokenizer.encode(text, true), longest),
          asked.progress());
    }
  }
}

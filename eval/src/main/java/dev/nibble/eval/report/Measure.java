package dev.nibble.eval.report;

import dev.nibble.eval.divergence.DivergenceResult;
import dev.nibble.eval.encoding.EncoderDistanceResult;
import dev.nibble.eval.perplexity.PerplexityResult;
import java.util.ArrayList;
import java.util.List;

/**
 * A row of the headline table. Figures that do not apply are NaN and left blank.
 *
 * @param key stable name in the JSON
 * @param name what the user reads
 * @param unit unit of all figures of the row
 * @param before of the original
 * @param after of the result
 * @param error standard error of {@code after}
 * @param forecast what was forecast for {@code after}
 * @param note protocol or remark, or ""
 */
public record Measure(
    String key,
    String name,
    Unit unit,
    double before,
    double after,
    double error,
    double forecast,
    String note) {

  /** A row with no figures yet. */
  public static Measure of(String key, String name, Unit unit) {
    return new Measure(key, name, unit, Double.NaN, Double.NaN, Double.NaN, Double.NaN, "");
  }

  /** With the original's figure. */
  public Measure before(double value) {
    return new Measure(key, name, unit, value, after, error, forecast, note);
  }

  /** With the result's figure. */
  public Measure after(double value) {
    return new Measure(key, name, unit, before, value, error, forecast, note);
  }

  /** With the standard error of the result's figure. */
  public Measure error(double value) {
    return new Measure(key, name, unit, before, after, value, forecast, note);
  }

  /** With the forecast of the result's figure. */
  public Measure forecast(double value) {
    return new Measure(key, name, unit, before, after, error, value, note);
  }

  /** With a remark. */
  public Measure note(String text) {
    return new Measure(key, name, unit, before, after, error, forecast, text);
  }

  /** Perplexity of the result, and of the original unless that is null. */
  public static Measure perplexity(PerplexityResult original, PerplexityResult result) {
    return of("perplexity", "Perplexity", Unit.PERPLEXITY)
        .before(original == null ? Double.NaN : original.perplexity().value())
        .after(result.perplexity().value())
        .error(result.perplexity().standardError())
        .note(withErrors(result.conditions(), result.errors()));
  }

  /** Perplexities, divergence and agreement of one comparison. */
  public static List<Measure> divergence(DivergenceResult result) {
    String conditions =
        withErrors(
            "%s, %d positions".formatted(result.conditions(), result.positions()), result.errors());
    return List.of(
        of("perplexity", "Perplexity", Unit.PERPLEXITY)
            .before(result.perplexityBase().value())
            .after(result.perplexityQuantized().value())
            .error(result.perplexityQuantized().standardError())
            .note(conditions),
        of("kld", "KL divergence", Unit.NATS)
            .after(result.kld().value())
            .error(result.kld().standardError())
            .note("mean over the same positions, nats"),
        of("top1", "Same top token", Unit.SHARE)
            .after(result.top1().value())
            .error(result.top1().standardError()),
        of("ln_ppl_ratio", "ln(ppl after / before)", Unit.NATS)
            .after(result.lnPplRatio().value())
            .error(result.lnPplRatio().standardError())
            .note("paired"));
  }

  /** Cosine, neighbours and predictions of one comparison of encoders. */
  public static List<Measure> encoders(EncoderDistanceResult result) {
    List<Measure> rows = new ArrayList<>();
    rows.add(
        of("cosine", "Cosine to original", Unit.NUMBER)
            .after(result.cosine().value())
            .error(result.cosine().standardError())
            .note("mean over " + result.conditions()));
    rows.add(of("cosine_min", "Smallest cosine", Unit.NUMBER).after(result.cosineMin()));
    rows.add(
        of("nearest", "Same nearest text", Unit.SHARE)
            .after(result.nearest().value())
            .error(result.nearest().standardError()));
    rows.add(
        of("neighbours", "Same 10 nearest", Unit.SHARE)
            .after(result.neighbours().value())
            .error(result.neighbours().standardError())
            .note("mean overlap"));
    if (result.positions() > 0) {
      rows.add(
          of("kld", "KL divergence", Unit.NATS)
              .after(result.kld().value())
              .error(result.kld().standardError())
              .note("mean over " + result.positions() + " predictions of the head, nats"));
      rows.add(
          of("top1", "Same top prediction", Unit.SHARE)
              .after(result.top1().value())
              .error(result.top1().standardError()));
    }
    return rows;
  }

  private static String withErrors(String text, long errors) {
    return errors == 0 ? text : text + "; " + errors + " positions were not finite";
  }
}

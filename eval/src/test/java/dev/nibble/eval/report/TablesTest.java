package dev.nibble.eval.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TablesTest {
  @ParameterizedTest
  @CsvSource({
    "0, BYTES, 0 B",
    "999, BYTES, 999 B",
    "999.6, BYTES, 1.00 kB",
    "15728640, BYTES, 15.7 MB",
    "-2500, BYTES, −2.50 kB",
    "4.15625, BITS, 4.156",
    "9.994, SECONDS, 9.99 s",
    "59.96, SECONDS, 1 min 00 s",
    "3700, SECONDS, 1 h 01 min",
    "0.01234, NATS, 0.0123",
    "0.0000001234, NATS, 1.23e−07",
    "12345, PERPLEXITY, 12345",
    "8.12345, PERPLEXITY, 8.1235",
    "-0.00001, SHARE, 0.00 %",
    "-0.0123, SHARE, −1.23 %",
    "0.98765, SHARE, 98.77 %",
    "-20, DECIBELS, −20.0 dB",
    "NaN, NATS, ''",
    "Infinity, PERPLEXITY, ∞"
  })
  void figures(double value, Unit unit, String text) {
    assertThat(Figures.text(value, unit)).isEqualTo(text);
  }

  @Test
  void figuresWithErrors() {
    assertThat(Figures.withError(0.01234, 0.00056, Unit.NATS)).isEqualTo("0.0123 ± 0.00056");
    assertThat(Figures.withError(0.5, 0.01, Unit.SHARE)).isEqualTo("50.00 ± 1.00 %");
    assertThat(Figures.withError(0.5, Double.NaN, Unit.NATS)).isEqualTo("0.500");
  }

  @Test
  void tableIsAlignedAndDropsEmptyColumns() {
    Section.Headline headline =
        new Section.Headline(
            List.of(
                Measure.of("b", "File size", Unit.BYTES).before(15_728_640).after(4_718_592),
                Measure.of("k", "KL divergence", Unit.NATS).after(0.0123).error(0.0004)));
    assertThat(Tables.headline(headline).toText())
        .isEqualTo(
            """
                            before             after
            ────────────────────────────────────────
            File size      15.7 MB           4.72 MB
            KL divergence           0.0123 ± 0.00040
            """);
  }

  @Test
  void markdownEscapesWhatWouldBreakTheTable() {
    TextTable table = new TextTable("a|b", "n").row("x|<b>\n\u001b[1m", "1");
    assertThat(table.toMarkdown())
        .isEqualTo("| a\\|b | n |\n|---|---:|\n| x\\|&lt;b>  [1m | 1 |\n");
    assertThat(table.toText()).doesNotContain("\u001b");
    assertThat(Tables.frontier(SampleReport.frontier()).toMarkdown().lines()).hasSize(9);
    assertThat(Tables.tasks(SampleReport.tasks()).toText()).contains("30.81 ± 0.95 %", "0.370");
  }
}

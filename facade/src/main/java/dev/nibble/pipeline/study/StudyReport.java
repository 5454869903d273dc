package dev.nibble.pipeline.study;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.nibble.eval.report.Report;
import dev.nibble.eval.report.ReportWriter;
import dev.nibble.eval.report.Section;
import dev.nibble.eval.report.Tables;
import dev.nibble.io.file.AtomicFile;
import dev.nibble.pipeline.compare.SweepReport;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A study's findings as tables and figures: HTML and JSON, Markdown, and one CSV of all rows. */
public final class StudyReport {
  private final StudyResult result;
  private final StudyTables tables;

  /** For a finished study. */
  public StudyReport(StudyResult result) {
    this.result = result;
    this.tables = new StudyTables(result);
  }

  /** The tables that answer the question, to be printed. */
  public List<Section.Table> tables() {
    return tables.answers();
  }

  /** Writes {@code report.html} with its JSON, {@code report.md} and {@code results.csv}. */
  public void write(Path folder, String subtitle) {
    List<Section> sections = new ArrayList<>();
    sections.add(new Section.Listing("about", "The question", result.study().about()));
    if (!result.study().classes().isEmpty()) {
      sections.add(tables.taxonomy());
    }
    List<Section.Table> answers = tables();
    sections.addAll(answers);
    if (result.study().claims().isEmpty()) {
      sections.addAll(tables.figures());
    }
    SweepReport sweep = sweep();
    sections.add(sweep.frontier());
    sections.add(sweep.conditionsAndProblems());
    ReportWriter.write(
        folder.resolve("report.html"), new Report(result.study().title(), subtitle, sections));
    StringBuilder markdown = new StringBuilder();
    markdown.append("# ").append(result.study().title()).append("\n\n");
    markdown.append(result.study().about()).append("\n");
    for (Section.Table table : answers) {
      markdown.append("\n## ").append(table.heading()).append("\n\n");
      if (!table.lead().isEmpty()) {
        markdown.append(table.lead()).append("\n\n");
      }
      markdown.append(Tables.table(table).toMarkdown());
    }
    markdown.append("\nMeasured: ").append(String.join("; ", sweep.conditions())).append("\n");
    AtomicFile.write(folder.resolve("report.md"), markdown.toString().getBytes(UTF_8));
    AtomicFile.write(
        folder.resolve("results.csv"), Tables.table(tables.everything()).toCsv().getBytes(UTF_8));
  }

  private SweepReport sweep() {
    return new SweepReport(result.rows().stream().map(StudyResult.Row::cell).distinct().toList());
  }
}

package dev.nibble.eval.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A table of strings: aligned for a terminal, or as Markdown. The first column is flush left, the
 * others flush right unless {@link #left} says otherwise; columns without any content are dropped.
 */
public final class TextTable {
  private final List<String> header;
  private final List<List<String>> rows = new ArrayList<>();
  private final boolean[] left;

  /** A table with these column heads. */
  public TextTable(String... header) {
    this.header = List.of(header);
    this.left = new boolean[header.length];
    if (left.length > 0) {
      left[0] = true;
    }
  }

  /** Makes a column flush left. */
  public TextTable left(int column) {
    left[column] = true;
    return this;
  }

  /** Adds a row of as many cells as there are columns. */
  public TextTable row(String... cells) {
    if (cells.length != header.size()) {
      throw new IllegalArgumentException(cells.length + " cells for " + header.size());
    }
    rows.add(List.of(cells));
    return this;
  }

  /** Comma-separated values (RFC 4180) with a head line; every column, used or not. */
  public String toCsv() {
    StringBuilder out = new StringBuilder(csv(header));
    rows.forEach(row -> out.append(csv(row)));
    return out.toString();
  }

  private static String csv(List<String> cells) {
    return cells.stream()
        .map(c -> c.matches("[^,\"\r\n]*") ? c : '"' + c.replace("\"", "\"\"") + '"')
        .collect(Collectors.joining(",", "", "\r\n"));
  }

  private List<Integer> usedColumns() {
    List<Integer> used = new ArrayList<>();
    for (int c = 0; c < header.size(); c++) {
      int column = c;
      if (rows.stream().anyMatch(r -> !r.get(column).isEmpty())) {
        used.add(c);
      }
    }
    return used;
  }

  /** Aligned columns, two spaces apart, a rule below the head; ends with a line break. */
  public String toText() {
    List<Integer> columns = usedColumns();
    int[] widths = new int[header.size()];
    for (int c : columns) {
      widths[c] = width(clean(header.get(c)));
      for (List<String> row : rows) {
        widths[c] = Math.max(widths[c], width(clean(row.get(c))));
      }
    }
    StringBuilder out = new StringBuilder();
    line(out, header, columns, widths);
    int total = 2 * (columns.size() - 1);
    for (int c : columns) {
      total += widths[c];
    }
    out.append("─".repeat(Math.max(total, 0))).append('\n');
    rows.forEach(row -> line(out, row, columns, widths));
    return out.toString();
  }

  private void line(StringBuilder out, List<String> cells, List<Integer> columns, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int c : columns) {
      String cell = clean(cells.get(c));
      String fill = " ".repeat(widths[c] - width(cell));
      line.append(line.isEmpty() ? "" : "  ").append(left[c] ? cell + fill : fill + cell);
    }
    out.append(line.toString().stripTrailing()).append('\n');
  }

  /** Terminal columns of a string, one per code point. */
  private static int width(String text) {
    return text.codePointCount(0, text.length());
  }

  /** Control characters (terminal escapes among them) and line breaks become spaces. */
  private static String clean(String cell) {
    return cell.replaceAll("\\p{Cntrl}", " ");
  }

  /** A GitHub-flavoured Markdown table; ends with a line break. */
  public String toMarkdown() {
    List<Integer> columns = usedColumns();
    StringBuilder out = new StringBuilder();
    markdownLine(out, header, columns);
    for (int c : columns) {
      out.append(left[c] ? "|---" : "|---:");
    }
    out.append("|\n");
    rows.forEach(row -> markdownLine(out, row, columns));
    return out.toString();
  }

  private static void markdownLine(StringBuilder out, List<String> cells, List<Integer> columns) {
    for (int c : columns) {
      String cell = clean(cells.get(c));
      out.append("| ")
          .append(cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;"))
          .append(' ');
    }
    out.append("|\n");
  }
}

package dev.nibble.io.data;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * WikiText as the quantization papers read it: the data set is a list of rows, a blank line is the
 * empty row, any other row keeps its newline, and the rows are joined with a blank line.
 */
public final class WikiText {
  private static final Pattern TITLE = Pattern.compile(" = [^=].* = ?");

  private WikiText() {}

  /**
   * The one string that is tokenized.
   *
   * @param raw content of a {@code wiki.*.raw} file, one row a line
   */
  public static String join(String raw) {
    List<String> rows = new ArrayList<>();
    for (String line : raw.split("\n", -1)) {
      rows.add(line.isBlank() ? "" : line + "\n");
    }
    if (raw.endsWith("\n")) {
      rows.removeLast();
    }
    return String.join("\n\n", rows);
  }

  /**
   * The articles of a joined text, each as the lines of the raw file (a blank row is the line
   * {@code " "}). An article starts at a title {@code " = Title = "} of the first level.
   */
  public static List<String> pages(String joined) {
    List<String> pages = new ArrayList<>();
    StringBuilder page = new StringBuilder();
    int gap = 0;
    boolean content = false;
    for (String line : joined.split("\n", -1)) {
      if (line.isEmpty()) {
        gap++;
        continue;
      }
      // two rows that touch are 2 blank lines apart, each blank row between them adds 2
      page.append(" \n".repeat(content ? Math.max(0, gap - 2) / 2 : gap / 2));
      if (TITLE.matcher(line).matches()) {
        if (content) {
          pages.add(page.toString());
          page.setLength(0);
        }
      }
      page.append(line).append('\n');
      content = true;
      gap = 0;
    }
    if (content) {
      pages.add(page.toString());
    }
    return pages;
  }
}

package dev.nibble.io.data;

import java.util.ArrayList;
import java.util.List;

/**
 * WikiText as the quantization papers read it: the data set is a list of rows, a blank line is the
 * empty row, any other row keeps its newline, and the rows are joined with a blank line.
 */
public final class WikiText {
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
}

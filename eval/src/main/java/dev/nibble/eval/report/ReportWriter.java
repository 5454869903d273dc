package dev.nibble.eval.report;

import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Writes reports. The same report gives the same bytes. */
public final class ReportWriter {
  private ReportWriter() {}

  /**
   * Writes the page, and its content as JSON beside it ({@code report.html}, {@code report.json}).
   * Each file appears whole or not at all.
   *
   * @return the JSON file
   * @throws NibbleException if a file cannot be written
   */
  public static Path write(Path html, Report report) {
    String name = html.getFileName().toString();
    String stem = name.endsWith(".html") ? name.substring(0, name.length() - 5) : name;
    Path json = html.resolveSibling(stem + ".json");
    writeWhole(html, HtmlReport.render(report));
    writeWhole(json, ReportJson.render(report));
    return json;
  }

  /** The page as a string. */
  public static String html(Report report) {
    return HtmlReport.render(report);
  }

  /** The JSON as a string. */
  public static String json(Report report) {
    return ReportJson.render(report);
  }

  private static void writeWhole(Path path, String content) {
    Path part = path.resolveSibling(path.getFileName() + ".part");
    try {
      Files.writeString(part, content);
      Files.move(part, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new NibbleException(
          path + ": the report cannot be written: " + e, NibbleException.RESOURCES, e);
    }
  }
}

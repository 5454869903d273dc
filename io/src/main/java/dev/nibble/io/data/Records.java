package dev.nibble.io.data;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.ModelFormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * Rows of a data set in file order, each a JSON object, read one at a time.
 *
 * <p>The file name (without {@code .gz}) tells the format: {@code .jsonl} and {@code .ndjson} hold
 * one object a line; {@code .json} holds an array of objects, or an object with such an array under
 * a name; {@code .csv} (RFC 4180, quoted fields may span lines) and {@code .tsv} (no quoting) have
 * a header line, and all their values are strings. A row longer than 16 Mi characters is refused.
 */
public abstract class Records implements Iterator<ObjectNode>, AutoCloseable {
  /** Longest row or line, in characters. */
  static final int MAX_ROW = 16 << 20;

  Records() {}

  /** As {@link #open(Path, String)} where the rows need no name. */
  public static Records open(Path path) {
    return open(path, "");
  }

  /**
   * Opens the rows of a file.
   *
   * @param path the file
   * @param array in a {@code .json} file whose root is an object, the key of the array that holds
   *     the rows; otherwise ""
   * @throws ModelFormatException if the file is missing, of an unknown kind or damaged; later rows
   *     raise it when they are reached
   */
  public static Records open(Path path, String array) {
    String name = DataFile.plainName(path);
    if (name.endsWith(".jsonl") || name.endsWith(".ndjson")) {
      return new JsonRecords(path, DataFile.open(path), "", true);
    }
    if (name.endsWith(".json")) {
      return new JsonRecords(path, DataFile.open(path), array, false);
    }
    if (name.endsWith(".csv")) {
      return new DelimitedRecords(path, DataFile.open(path), ',', true, null);
    }
    if (name.endsWith(".tsv")) {
      return new DelimitedRecords(path, DataFile.open(path), '\t', false, null);
    }
    if (name.endsWith(".parquet")) {
      throw new ModelFormatException(
          path, "", "Parquet is not supported; convert it to JSON lines (.jsonl or .jsonl.gz)");
    }
    throw new ModelFormatException(
        path, "", "unknown kind of data file; expected .jsonl, .json, .csv or .tsv, or with .gz");
  }

  /**
   * Opens a CSV file without a header line.
   *
   * @param columns names for its columns
   */
  public static Records bare(Path path, List<String> columns) {
    return new DelimitedRecords(path, DataFile.open(path), ',', true, columns);
  }

  /** All rows of a file, at most {@code limit} of them (0 for all). */
  public static List<ObjectNode> readAll(Path path, String array, int limit) {
    List<ObjectNode> rows = new ArrayList<>();
    try (Records records = open(path, array)) {
      while (records.hasNext() && (limit == 0 || rows.size() < limit)) {
        rows.add(records.next());
      }
    }
    return rows;
  }

  @Override
  public abstract void close();
}

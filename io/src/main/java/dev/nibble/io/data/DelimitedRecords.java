package dev.nibble.io.data;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.ModelFormatException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.NoSuchElementException;

/** CSV and TSV rows. Blank lines are skipped; every other row must have the header's columns. */
final class DelimitedRecords extends Records {
  private static final int MAX_COLUMNS = 4096;

  private final Path path;
  private final BufferedReader in;
  private final char delimiter;
  private final boolean quoted;
  private final List<String> header;
  private List<String> next;
  private long row;

  /**
   * @param columns names of the columns of a file without a header line, or null to read one
   */
  DelimitedRecords(
      Path path, BufferedReader in, char delimiter, boolean quoted, List<String> columns) {
    this.path = path;
    this.in = in;
    this.delimiter = delimiter;
    this.quoted = quoted;
    this.header = columns == null ? readRow() : columns;
    if (header == null) {
      throw new ModelFormatException(path, "", "is empty; expected a header line");
    }
    if (new HashSet<>(header).size() < header.size()) {
      throw new ModelFormatException(path, "header", "names a column twice");
    }
    next = readRow();
  }

  @Override
  public boolean hasNext() {
    return next != null;
  }

  @Override
  public ObjectNode next() {
    if (next == null) {
      throw new NoSuchElementException();
    }
    if (next.size() != header.size()) {
      throw problem("has " + next.size() + " columns where the header has " + header.size());
    }
    ObjectNode object = JsonNodeFactory.instance.objectNode();
    for (int i = 0; i < header.size(); i++) {
      object.put(header.get(i), next.get(i));
    }
    next = readRow();
    return object;
  }

  /** The next row that is not blank, or null at the end. */
  private List<String> readRow() {
    try {
      while (true) {
        row++;
        List<String> fields = parseRow();
        if (fields == null || fields.size() > 1 || !fields.getFirst().isEmpty()) {
          return fields;
        }
      }
    } catch (IOException e) {
      throw DataFile.explain(path, e);
    }
  }

  private List<String> parseRow() throws IOException {
    int c = in.read();
    if (c < 0) {
      return null;
    }
    List<String> fields = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    int length = 0;
    boolean inQuotes = false;
    while (true) {
      if (++length > MAX_ROW || fields.size() > MAX_COLUMNS) {
        throw problem("is longer than any row of a table (an unclosed quotation mark?)");
      }
      if (inQuotes) {
        if (c < 0) {
          throw problem("has a quotation mark that is never closed");
        }
        if (c != '"') {
          field.append((char) c);
        } else if (peek() == '"') {
          in.skip(1);
          field.append('"');
        } else {
          inQuotes = false;
        }
      } else if (c == '"' && quoted && field.isEmpty()) {
        inQuotes = true;
      } else if (c == delimiter) {
        fields.add(field.toString());
        field.setLength(0);
      } else if (c < 0 || c == '\n') {
        fields.add(field.toString());
        return fields;
      } else if (c != '\r' || peek() != '\n') {
        field.append((char) c);
      }
      c = in.read();
    }
  }

  private int peek() throws IOException {
    in.mark(1);
    int c = in.read();
    in.reset();
    return c;
  }

  private ModelFormatException problem(String what) {
    return new ModelFormatException(path, "row " + row, what);
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw DataFile.explain(path, e);
    }
  }
}

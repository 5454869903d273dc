package dev.nibble.io.hub;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * How far each range of an unfinished download is, kept in a file beside it so that another process
 * can go on. Big-endian longs:
 *
 * <pre>
 * magic and version | size of the whole file | bytes of a range (the last may be shorter)
 * bytes done of range 0 | bytes done of range 1 | ...
 * </pre>
 *
 * <p>A range's figure is written after its bytes. A map that contradicts itself, or is of another
 * size, is discarded. Each range has one writer at a time.
 */
final class PartMap implements AutoCloseable {
  private static final long MAGIC = 0x4e69_6262_6c65_0001L;
  private static final int HEADER = 3 * Long.BYTES;
  private static final int MAX_PARTS = 1 << 20;

  private final long size;
  private final long partBytes;
  private final FileChannel channel;
  private final AtomicLongArray done;

  private PartMap(long size, long partBytes, FileChannel channel, AtomicLongArray done) {
    this.size = size;
    this.partBytes = partBytes;
    this.channel = channel;
    this.done = done;
  }

  /** Where the map of an unfinished file lies. */
  static Path beside(Path partial) {
    return partial.resolveSibling(partial.getFileName() + ".ranges");
  }

  /** Bytes done of an unfinished file of {@code size} bytes, 0 when there is none to go on with. */
  static long doneBeside(Path partial, long size) {
    Path file = beside(partial);
    if (!Files.isRegularFile(file)) {
      return 0;
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      PartMap map = read(channel, size, Files.size(partial));
      return map == null ? 0 : map.done();
    } catch (IOException e) {
      return 0;
    }
  }

  /**
   * Opens the map of a download, or begins a new one.
   *
   * @param size bytes of the whole file, at least 1
   * @param partBytes wanted bytes of a range; an old map keeps its own
   * @param dataBytes length of the unfinished file; nothing beyond it can be done
   */
  static PartMap open(Path file, long size, long partBytes, long dataBytes) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      PartMap old = read(channel, size, dataBytes);
      if (old != null) {
        return old;
      }
      long bytes = Math.max(partBytes, (size - 1) / MAX_PARTS + 1);
      PartMap map =
          new PartMap(size, bytes, channel, new AtomicLongArray((int) ((size - 1) / bytes + 1)));
      map.restart();
      return map;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static PartMap read(FileChannel channel, long size, long dataBytes) throws IOException {
    if (channel.size() < HEADER || channel.size() > HEADER + (long) MAX_PARTS * Long.BYTES) {
      return null;
    }
    ByteBuffer all = ByteBuffer.allocate((int) channel.size());
    int n = 0;
    while (all.hasRemaining() && n >= 0) {
      n = channel.read(all, all.position());
    }
    all.flip();
    if (all.remaining() < HEADER || all.getLong() != MAGIC || all.getLong() != size) {
      return null;
    }
    long partBytes = all.getLong();
    if (partBytes < 1 || all.remaining() != Long.BYTES * ((size - 1) / partBytes + 1)) {
      return null;
    }
    int parts = all.remaining() / Long.BYTES;
    PartMap map = new PartMap(size, partBytes, channel, new AtomicLongArray(parts));
    for (int i = 0; i < parts; i++) {
      long done = all.getLong();
      long length = map.end(i) - map.start(i);
      if (done < 0 || done > length || (done > 0 && map.start(i) + done > dataBytes)) {
        return null;
      }
      map.done.set(i, done);
    }
    return map;
  }

  /** Forgets everything. */
  void restart() throws IOException {
    ByteBuffer all = ByteBuffer.allocate(HEADER + parts() * Long.BYTES);
    all.putLong(MAGIC).putLong(size).putLong(partBytes).rewind();
    channel.truncate(0);
    while (all.hasRemaining()) {
      channel.write(all, all.position());
    }
    for (int i = 0; i < parts(); i++) {
      done.set(i, 0);
    }
  }

  /** Number of ranges. */
  int parts() {
    return done.length();
  }

  /** First byte of a range. */
  long start(int part) {
    return part * partBytes;
  }

  /** First byte after a range. */
  long end(int part) {
    return Math.min(size, start(part) + partBytes);
  }

  /** First byte that a range lacks; {@link #end} when it is complete. */
  long next(int part) {
    return start(part) + done.get(part);
  }

  /** Bytes done of the whole. */
  long done() {
    long sum = 0;
    for (int i = 0; i < parts(); i++) {
      sum += done.get(i);
    }
    return sum;
  }

  /** {@code bytes} more of a range are in the file. */
  void advance(int part, long bytes) {
    done.addAndGet(part, bytes);
  }

  /** Writes a range's figure to disk. */
  void record(int part) throws IOException {
    ByteBuffer one = ByteBuffer.allocate(Long.BYTES).putLong(done.get(part)).flip();
    channel.write(one, HEADER + (long) part * Long.BYTES);
  }

  /** Deletes the map of a finished or spoilt download. */
  static void delete(Path file) throws IOException {
    Files.deleteIfExists(file);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}

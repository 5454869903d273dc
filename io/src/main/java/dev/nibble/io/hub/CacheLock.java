package dev.nibble.io.hub;

import dev.nibble.io.file.DiskTrouble;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;

/**
 * The right to fetch one file, held by one thread of one process. The operating system takes it
 * back when the process dies; the lock file stays, as with other tools.
 */
final class CacheLock implements AutoCloseable {
  /** File locks are the process's; these keep its threads apart. One entry a file ever fetched. */
  private static final ConcurrentHashMap<Path, Semaphore> HELD = new ConcurrentHashMap<>();

  private final Semaphore thread;
  private final FileChannel channel;

  private CacheLock(Semaphore thread, FileChannel channel) {
    this.thread = thread;
    this.channel = channel;
  }

  /**
   * Takes the lock.
   *
   * @param waiting called once when another holds it
   */
  static CacheLock take(Path file, Runnable waiting) {
    Semaphore thread = HELD.computeIfAbsent(file, f -> new Semaphore(1));
    boolean told = false;
    if (!thread.tryAcquire()) {
      told = true;
      waiting.run();
      thread.acquireUninterruptibly();
    }
    try {
      return new CacheLock(thread, locked(file, told ? () -> {} : waiting));
    } catch (IOException e) {
      thread.release();
      throw DiskTrouble.writing(file, e);
    } catch (RuntimeException | Error e) {
      thread.release();
      throw e;
    }
  }

  private static FileChannel locked(Path file, Runnable waiting) throws IOException {
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      if (channel.tryLock() == null) {
        waiting.run();
        channel.lock();
      }
      return channel;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  @Override
  public void close() {
    try {
      // Closing the channel gives up the lock.
      channel.close();
    } catch (IOException e) {
      System.getLogger("dev.nibble.io.hub").log(System.Logger.Level.DEBUG, "unlocking", e);
    } finally {
      thread.release();
    }
  }
}

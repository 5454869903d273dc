package dev.nibble.pipeline.memory;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Watches the anonymous resident memory of this process: Java heap, libtorch's tensors and the
 * JVM's own memory, without mapped files, whose pages the system takes back when it needs them.
 * Read from {@code /proc/self/status} where there is one; elsewhere the JVM's committed memory is
 * the nearest figure.
 */
public final class MemoryMeter implements AutoCloseable {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final long INTERVAL_MILLIS = 20;

  private final Thread sampler;
  private volatile boolean ended;
  private volatile long peak = anonymousBytes();

  /** Starts watching. */
  public MemoryMeter() {
    sampler = Thread.ofPlatform().daemon().name("nibble-memory").start(this::watch);
  }

  private void watch() {
    while (!ended) {
      sample();
      try {
        Thread.sleep(INTERVAL_MILLIS);
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private synchronized void sample() {
    peak = Math.max(peak, anonymousBytes());
  }

  /** Highest value seen so far, in bytes. */
  public long peakBytes() {
    sample();
    return peak;
  }

  /** Anonymous resident memory of this process now, in bytes. */
  public static long anonymousBytes() {
    try {
      if (Files.isReadable(STATUS)) {
        for (String line : Files.readString(STATUS, StandardCharsets.ISO_8859_1).split("\n")) {
          if (line.startsWith("RssAnon:")) {
            return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
          }
        }
      }
    } catch (IOException e) {
      // no such figure on this system
    }
    MemoryMXBean jvm = ManagementFactory.getMemoryMXBean();
    return jvm.getHeapMemoryUsage().getCommitted() + jvm.getNonHeapMemoryUsage().getCommitted();
  }

  @Override
  public void close() {
    ended = true;
    sampler.interrupt();
  }
}

package dev.nibble.io.hub;

import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import java.nio.file.Path;
import java.util.List;

/** Brings chosen files of one commit into the cache. */
final class Transfer {
  private final Session session;
  private final Workers workers;
  private final String commit;
  private final HubCache cache;

  Transfer(Session session, Workers workers, String commit, HubCache cache) {
    this.session = session;
    this.workers = workers;
    this.commit = commit;
    this.cache = cache;
  }

  /** Where the files go. */
  Path snapshot() {
    return cache.snapshot(commit);
  }

  /** Fetches many small files, several at a time. */
  void small(List<HubFile> files) {
    fetch(
        files,
        (missing, meter) -> {
          try (Workers one = new Workers(1)) {
            workers.forEach(missing.size(), i -> file(missing.get(i), one, meter));
          }
        });
  }

  /** Fetches files one after the other, each by several ranges at a time. */
  void large(List<HubFile> files) {
    fetch(files, (missing, meter) -> missing.forEach(file -> file(file, workers, meter)));
  }

  private interface Fetching {
    void run(List<HubFile> missing, Meter meter);
  }

  private void fetch(List<HubFile> files, Fetching fetching) {
    List<HubFile> missing = files.stream().filter(file -> !cache.has(file)).distinct().toList();
    if (!missing.isEmpty()) {
      long bytes = checkSpace(missing);
      cache.prepare();
      try (Progress.Task task =
          session.progress().start("download " + session.repo().text(), bytes, "bytes")) {
        fetching.run(missing, new Meter(task));
      }
    }
    files.forEach(file -> cache.link(commit, file));
  }

  /**
   * The sum of the sizes.
   *
   * @throws NibbleException when the disk cannot take what is missing of them
   */
  private long checkSpace(List<HubFile> files) {
    long sum = 0;
    long present = 0;
    for (HubFile file : files) {
      // Saturates: a hub may list any number.
      sum = Math.min(sum, Long.MAX_VALUE - file.size()) + file.size();
      present += cache.partialBytes(file);
    }
    long free = cache.freeBytes();
    if (sum - present > free) {
      throw session.trouble().noSpace(sum - present, free);
    }
    return sum;
  }

  private void file(HubFile file, Workers ranges, Meter meter) {
    Runnable waiting =
        () -> session.progress().note("waiting for another process to fetch " + file.path());
    try (CacheLock _ = cache.lock(file, waiting)) {
      if (cache.has(file)) {
        meter.arrived(file.size());
        return;
      }
      BlobDownload download =
          new BlobDownload(
              session, file, session.content(commit, file), cache.partial(file), meter);
      cache.adopt(file, download.run(session.settings().rangeBytes(), ranges));
    }
  }
}

package dev.nibble.io.hub;

import dev.nibble.io.file.AtomicFile;
import dev.nibble.io.file.DiskTrouble;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileStore;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * A repository's folder in the cache that tools of the hub share:
 *
 * <pre>
 * models--owner--name/
 *   blobs/ETAG                                    contents, named by their hash
 *   blobs/ETAG.nibble.incomplete(.ranges)         unfinished, ours alone
 *   snapshots/COMMIT/FILE -> ../../blobs/ETAG     copies where links cannot be made
 *   refs/REVISION                                 the commit, as text
 * .locks/models--owner--name/ETAG.lock
 * </pre>
 *
 * <p>Other tools keep their unfinished files as {@code ETAG.incomplete} and take their length for
 * what is done; ours have holes, hence the other name.
 */
final class HubCache {
  private static final int MAX_REF_BYTES = 200;

  private final Path root;
  private final Path locks;

  HubCache(Path cache, HubRepo repo) {
    Path absolute = cache.toAbsolutePath();
    this.root = absolute.resolve(repo.folder());
    this.locks = absolute.resolve(".locks").resolve(repo.folder());
  }

  /** Where a commit's files are. */
  Path snapshot(String commit) {
    return root.resolve("snapshots").resolve(commit);
  }

  /** The commit that a revision stood for when last asked; empty when never. */
  Optional<String> commit(HubRepo repo) {
    if (repo.isPinned()) {
      return Optional.of(repo.revision());
    }
    Path ref = ref(repo);
    try {
      if (!Files.isRegularFile(ref) || Files.size(ref) > MAX_REF_BYTES) {
        return Optional.empty();
      }
      return Optional.of(Files.readString(ref).strip()).filter(HubRepo::isCommit);
    } catch (IOException e) {
      throw DiskTrouble.reading(ref, e);
    }
  }

  /** Keeps what a revision stands for. */
  void remember(HubRepo repo, String commit) {
    if (!repo.isPinned() && !commit(repo).equals(Optional.of(commit))) {
      Path ref = ref(repo);
      directories(ref.getParent());
      directories(locks);
      try (CacheLock _ = CacheLock.take(locks.resolve("refs.lock"), () -> {})) {
        AtomicFile.write(ref, commit.getBytes(StandardCharsets.US_ASCII));
      }
    }
  }

  private Path ref(HubRepo repo) {
    return root.resolve("refs").resolve(repo.revision());
  }

  /** True when the content is there in full length. Its hash was checked before it got its name. */
  boolean has(HubFile file) {
    try {
      return Files.isRegularFile(blob(file)) && Files.size(blob(file)) == file.size();
    } catch (IOException e) {
      throw DiskTrouble.reading(blob(file), e);
    }
  }

  /** Where an unfinished file lies. */
  Path partial(HubFile file) {
    return root.resolve("blobs").resolve(file.etag() + ".nibble.incomplete");
  }

  /** Makes the folders for unfinished files. */
  void prepare() {
    directories(root.resolve("blobs"));
  }

  /** Waits for the right to fetch a file. */
  CacheLock lock(HubFile file, Runnable waiting) {
    directories(locks);
    return CacheLock.take(locks.resolve(file.etag() + ".lock"), waiting);
  }

  /** A checked file takes its place. */
  void adopt(HubFile file, Path complete) {
    Path blob = blob(file);
    try {
      try {
        Files.move(
            complete, blob, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } catch (AtomicMoveNotSupportedException e) {
        Files.move(complete, blob, StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (IOException e) {
      throw DiskTrouble.writing(blob, e);
    }
  }

  /** Gives a content its name in a snapshot. */
  void link(String commit, HubFile file) {
    Path blob = blob(file);
    Path link = snapshot(commit).resolve(file.path());
    directories(link.getParent());
    try {
      if (!leadsTo(link, blob, file)) {
        try (CacheLock _ = lock(file, () -> {})) {
          replace(link, blob, file);
        }
      }
    } catch (IOException e) {
      throw DiskTrouble.writing(link, e);
    }
  }

  private static void replace(Path link, Path blob, HubFile file) throws IOException {
    if (leadsTo(link, blob, file)) {
      // Another process was faster.
      return;
    }
    Files.deleteIfExists(link);
    try {
      Files.createSymbolicLink(link, link.getParent().relativize(blob));
    } catch (FileSystemException | UnsupportedOperationException e) {
      // This system makes no links, or none for us.
      Path copy = link.resolveSibling("." + link.getFileName() + ".partial");
      Files.copy(blob, copy, StandardCopyOption.REPLACE_EXISTING);
      Files.move(copy, link, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static boolean leadsTo(Path link, Path blob, HubFile file) throws IOException {
    if (!Files.exists(link)) {
      return false;
    }
    boolean copy = Files.isRegularFile(link, LinkOption.NOFOLLOW_LINKS);
    return copy ? Files.size(link) == file.size() : Files.isSameFile(link, blob);
  }

  /** Bytes that the cache's disk can still take. */
  long freeBytes() {
    prepare();
    try {
      FileStore store = Files.getFileStore(root);
      return store.getUsableSpace();
    } catch (IOException e) {
      throw DiskTrouble.writing(root, e);
    }
  }

  /** Bytes of an unfinished file that take room already. */
  long partialBytes(HubFile file) {
    return file.size() == 0 ? 0 : PartMap.doneBeside(partial(file), file.size());
  }

  private Path blob(HubFile file) {
    return root.resolve("blobs").resolve(file.etag());
  }

  private static void directories(Path directory) {
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw DiskTrouble.writing(directory, e);
    }
  }
}

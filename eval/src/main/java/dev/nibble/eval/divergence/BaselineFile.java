package dev.nibble.eval.divergence;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.scoring.RowPass;
import dev.nibble.eval.scoring.Window;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;

/**
 * The original's predictions on disk, little-endian:
 *
 * <pre>
 *   offset  size  content
 *        0     8  "NIBLBASE"
 *        8     4  version, 1
 *       12     4  vocabulary size V
 *       16     8  number of rows R, all windows' targets in order
 *       24    32  SHA-256 of the model's id, V and the windows
 *       56   R·B  rows of B = 28 + 2V bytes, see {@link BaselineRow}
 * </pre>
 *
 * The rows keep fp16 logits relative to the largest one, which are normalized again when read: a
 * model against its own file shows a divergence near 1e-7 nats, far below any quantization's. The
 * tokens are not stored; the hash proves that a reader's windows are the writer's.
 */
public final class BaselineFile implements Baseline {
  private static final byte[] MAGIC = "NIBLBASE".getBytes(StandardCharsets.US_ASCII);
  private static final int VERSION = 1;
  private static final int HEADER = 56;

  private final Path path;
  private final int vocab;
  private final List<Window> windows;
  private final Arena arena;
  private final MemorySegment data;
  private Window loaded;
  private long firstRow;

  private BaselineFile(
      Path path, int vocab, List<Window> windows, Arena arena, MemorySegment data) {
    this.path = path;
    this.vocab = vocab;
    this.windows = windows;
    this.arena = arena;
    this.data = data;
  }

  /** Size of the file for a vocabulary and windows, in bytes. */
  public static long size(int vocabSize, List<Window> windows) {
    return HEADER + rows(windows) * BaselineRow.bytes(vocabSize);
  }

  private static long rows(List<Window> windows) {
    return windows.stream().mapToLong(w -> w.targets().length).sum();
  }

  /**
   * Runs the original model and writes its predictions; the file appears under its name only when
   * it is whole.
   *
   * @param modelId what identifies the original's content, best a hash of its files
   * @throws dev.nibble.core.NibbleException if the file cannot be written
   */
  public static void write(
      Path path,
      LanguageModel model,
      String modelId,
      List<Window> windows,
      Workers workers,
      Progress progress) {
    int vocab = model.vocabSize();
    try (RowFile out = new RowFile(path);
        Progress.Task task = progress.start("baseline", windows.size(), "windows")) {
      out.write(0, header(vocab, modelId, windows));
      RowPass pass = new RowPass(model, workers);
      long row = 0;
      for (Window window : windows) {
        long first = row;
        pass.run(
            window,
            (target, logits, offset) ->
                out.write(
                    HEADER + (first + target) * BaselineRow.bytes(vocab),
                    BaselineRow.encode(logits, offset, vocab, window.targets()[target])));
        row += window.targets().length;
        task.advance(1);
      }
      out.commit();
    }
  }

  private static ByteBuffer header(int vocab, String modelId, List<Window> windows) {
    return ByteBuffer.allocate(HEADER)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .putInt(VERSION)
        .putInt(vocab)
        .putLong(rows(windows))
        .put(WindowHash.of(modelId, vocab, windows))
        .flip();
  }

  /**
   * Opens a file that {@link #write} made.
   *
   * @param modelId as when it was written
   * @param windows as when it was written
   * @throws ModelFormatException if the file is missing, damaged, or of another model or text
   */
  public static BaselineFile open(Path path, String modelId, List<Window> windows) {
    Arena arena = Arena.ofShared();
    try (FileChannel in = FileChannel.open(path, StandardOpenOption.READ)) {
      long size = in.size();
      if (size < HEADER) {
        throw new ModelFormatException(path, "", "is too short for a baseline file");
      }
      MemorySegment data = in.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
      ByteBuffer header = data.asSlice(0, HEADER).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
      int vocab = check(path, header, size, modelId, windows);
      return new BaselineFile(path, vocab, List.copyOf(windows), arena, data);
    } catch (NoSuchFileException e) {
      arena.close();
      throw new ModelFormatException(path, "", "no such file", e);
    } catch (IOException e) {
      arena.close();
      throw new ModelFormatException(path, "", "cannot be read: " + e.getMessage(), e);
    } catch (ModelFormatException e) {
      arena.close();
      throw e;
    }
  }

  private static int check(
      Path path, ByteBuffer header, long size, String modelId, List<Window> windows) {
    byte[] magic = new byte[MAGIC.length];
    header.get(magic);
    int version = header.getInt();
    int vocab = header.getInt();
    long rows = header.getLong();
    byte[] hash = new byte[WindowHash.BYTES];
    header.get(hash);
    if (!Arrays.equals(magic, MAGIC)) {
      throw new ModelFormatException(path, "", "is not a baseline file");
    }
    if (version != VERSION) {
      throw new ModelFormatException(
          path, "", "has version " + version + ", this program reads " + VERSION);
    }
    if (vocab < 1 || !Arrays.equals(hash, WindowHash.of(modelId, vocab, windows))) {
      throw new ModelFormatException(
          path, "", "was made from another model or other text; delete it to make it anew");
    }
    if (rows != rows(windows) || size != size(vocab, windows)) {
      throw new ModelFormatException(
          path,
          "",
          "has %d bytes where %d are expected; delete it to make it anew"
              .formatted(size, size(vocab, windows)));
    }
    return vocab;
  }

  @Override
  public int vocabSize() {
    return vocab;
  }

  @Override
  public List<Window> windows() {
    return windows;
  }

  @Override
  public void load(int index) {
    loaded = windows.get(index);
    firstRow = rows(windows.subList(0, index));
  }

  @Override
  public void read(int target, Row into) {
    if (target < 0 || target >= loaded.targets().length) {
      throw new IndexOutOfBoundsException(target);
    }
    byte[] row = new byte[Math.toIntExact(BaselineRow.bytes(vocab))];
    long at = HEADER + (firstRow + target) * row.length;
    MemorySegment.copy(data, ValueLayout.JAVA_BYTE, at, row, 0, row.length);
    if (!BaselineRow.decode(row, into)) {
      throw new ModelFormatException(
          path, "row " + (firstRow + target), "is damaged; delete the file to make it anew");
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}

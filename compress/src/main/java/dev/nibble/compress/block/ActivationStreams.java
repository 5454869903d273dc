package dev.nibble.compress.block;

import dev.nibble.core.work.Workers;
import dev.nibble.io.file.DiskTrouble;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.Torch;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Calibration activations on their way through the network, in scratch files: what leaves each
 * finished block is written to a file of its own, and the file before it is dropped when the block
 * has been committed. Files hold fp32 values, batch after batch, {@code [seq, hidden]} a sequence.
 *
 * <p>Reads and writes may run on several threads.
 */
public final class ActivationStreams {

  /** Which network the activations come from. */
  public enum Kind {
    /** The blocks as they were. */
    ORIGINAL,
    /** The blocks quantized so far. */
    QUANTIZED
  }

  private final Path folder;
  private final Batches batches;
  private final int hidden;
  private final Set<Kind> kinds;
  private final Workers workers;

  /**
   * @param folder scratch folder
   * @param batches calibration sequences
   * @param hidden width of the residual stream
   * @param kinds networks whose activations some step wants
   * @param workers threads that run batches
   */
  public ActivationStreams(
      Path folder, Batches batches, int hidden, Set<Kind> kinds, Workers workers) {
    this.folder = folder;
    this.batches = batches;
    this.hidden = hidden;
    this.kinds = Set.copyOf(kinds);
    this.workers = workers;
  }

  /** Networks whose activations are kept, in a fixed order. */
  public List<Kind> kinds() {
    return Arrays.stream(Kind.values()).filter(kinds::contains).toList();
  }

  /** Number of batches. */
  public int batches() {
    return batches.count();
  }

  /** Input of block {@code index} for one batch; the caller frees it. */
  public Tensor input(Kind kind, int index, int batch) {
    if (index == 0) {
      return batches.tokens(batch);
    }
    Path file = file(kind, index - 1);
    Tensor out = Torch.empty(ScalarType.Float, batches.size(batch), batches.length(), hidden);
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer bytes = Torch.view(out).asByteBuffer();
      long at = offset(batch);
      while (bytes.hasRemaining()) {
        int n = in.read(bytes, at);
        if (n < 0) {
          throw new EOFException("ends before batch " + batch);
        }
        at += n;
      }
      return out;
    } catch (IOException e) {
      out.close();
      throw DiskTrouble.reading(file, e);
    }
  }

  /**
   * Runs all batches through a block and keeps what leaves it.
   *
   * @return a checksum for each batch
   */
  public List<Long> advance(Kind kind, int index, Block block) {
    Long[] sums = new Long[batches.count()];
    Path file = file(kind, index);
    try (FileChannel out =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      workers.forEach(
          sums.length, batch -> sums[batch] = forward(kind, index, block, batch, out, file));
    } catch (IOException e) {
      throw DiskTrouble.writing(file, e);
    }
    return List.of(sums);
  }

  private long forward(Kind kind, int index, Block block, int batch, FileChannel out, Path file) {
    return Torch.noGrad(
        () -> {
          Tensor result = block.forward(input(kind, index, batch), BlockContext.PLAIN).contiguous();
          ByteBuffer bytes = Torch.view(result).asByteBuffer();
          long at = offset(batch);
          try {
            while (bytes.hasRemaining()) {
              at += out.write(bytes, at);
            }
          } catch (IOException e) {
            throw DiskTrouble.writing(file, e);
          }
          return ValueChecksum.of(Torch.view(result));
        });
  }

  /** True when the file behind a block is there with exactly these values. */
  public boolean holds(Kind kind, int index, List<Long> sums) {
    Path file = file(kind, index);
    try {
      long expected = offset(batches.count() - 1) + batchBytes(batches.count() - 1);
      if (!Files.exists(file) || Files.size(file) != expected || sums.size() != batches.count()) {
        return false;
      }
    } catch (IOException e) {
      return false;
    }
    boolean[] same = new boolean[sums.size()];
    workers.forEach(
        same.length,
        batch ->
            Torch.run(
                () -> {
                  Tensor values = input(kind, index + 1, batch);
                  same[batch] = ValueChecksum.of(Torch.view(values)) == sums.get(batch);
                }));
    for (boolean each : same) {
      if (!each) {
        return false;
      }
    }
    return true;
  }

  /** Removes what left block {@code index}, once nothing reads it any more. */
  public void drop(int index) {
    for (Kind kind : kinds) {
      Path file = file(kind, index);
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        throw DiskTrouble.writing(file, e);
      }
    }
  }

  private Path file(Kind kind, int index) {
    return folder.resolve(
        String.format(Locale.ROOT, "%s-%05d.f32", kind.name().toLowerCase(Locale.ROOT), index));
  }

  private long offset(int batch) {
    return (long) batch * batches.perBatch() * batches.length() * hidden * Float.BYTES;
  }

  private long batchBytes(int batch) {
    return (long) batches.size(batch) * batches.length() * hidden * Float.BYTES;
  }

  /** Largest sum of scratch files at a time, for {@code kinds} streams. */
  public static long scratchBytes(long tokens, int hidden, int kinds) {
    return 2L * kinds * tokens * hidden * Float.BYTES; // before and behind the block at work
  }
}

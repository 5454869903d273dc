package dev.nibble.eval.divergence;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.perplexity.Protocol;
import dev.nibble.eval.perplexity.TokenizedText;
import dev.nibble.eval.perplexity.Windows;
import dev.nibble.eval.scoring.Logits;
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
 * The logits file of llama.cpp's {@code perplexity} program, for comparing with a model measured
 * there. Little-endian:
 *
 * <pre>
 *   "_logits_", int32 n_ctx, int32 n_vocab, int32 n_chunk
 *   int32 tokens[n_ctx * n_chunk]
 *   per chunk and scored position (n_ctx - 1 - n_ctx/2 of them):
 *     fp32 scale, fp32 min_log_prob, uint16 code[n_vocab rounded up to even]
 * </pre>
 *
 * with {@code log P(v) = min_log_prob + scale · code}. Log-probabilities more than 16 below the
 * largest are clipped, so a model against its own file shows a divergence near 5e-4 nats: that is
 * the noise of the file. Prefer {@link BaselineFile} or a live baseline.
 */
public final class LlamaLogitsFile implements Baseline {
  private static final byte[] MAGIC = "_logits_".getBytes(StandardCharsets.US_ASCII);
  private static final int HEADER = 20;
  private static final float RANGE = 16;
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final int vocab;
  private final List<Window> windows;
  private final Arena arena;
  private final MemorySegment data;
  private final long rowsAt;
  private int loaded;

  private LlamaLogitsFile(
      int vocab, List<Window> windows, Arena arena, MemorySegment data, long rowsAt) {
    this.vocab = vocab;
    this.windows = windows;
    this.arena = arena;
    this.data = data;
    this.rowsAt = rowsAt;
  }

  private static long rowBytes(int vocab) {
    return 8 + 2L * (vocab + vocab % 2);
  }

  /**
   * Opens a file.
   *
   * @param bosId begin-of-sequence token that replaces the first token of each chunk, or -1 if the
   *     tokenizer adds none
   * @throws ModelFormatException if the file is missing or damaged
   */
  public static LlamaLogitsFile open(Path path, int bosId) {
    Arena arena = Arena.ofShared();
    try (FileChannel in = FileChannel.open(path, StandardOpenOption.READ)) {
      long size = in.size();
      if (size < HEADER) {
        throw new ModelFormatException(path, "", "is too short for a logits file");
      }
      return read(path, in.map(FileChannel.MapMode.READ_ONLY, 0, size, arena), bosId, arena);
    } catch (NoSuchFileException e) {
      arena.close();
      throw new ModelFormatException(path, "", "no such file", e);
    } catch (IOException e) {
      arena.close();
      throw new ModelFormatException(path, "", "cannot be read: " + e.getMessage(), e);
    } catch (NibbleException e) {
      arena.close();
      throw e;
    }
  }

  private static LlamaLogitsFile read(Path path, MemorySegment data, int bosId, Arena arena) {
    byte[] magic = data.asSlice(0, MAGIC.length).toArray(ValueLayout.JAVA_BYTE);
    if (!Arrays.equals(magic, MAGIC)) {
      throw new ModelFormatException(path, "", "is not a logits file of llama.cpp");
    }
    int context = data.get(INT, 8);
    int vocab = data.get(INT, 12);
    int chunks = data.get(INT, 16);
    if (context < 4 || vocab < 1 || vocab > 1 << 24 || chunks < 1) {
      throw new ModelFormatException(
          path,
          "header",
          "has n_ctx %d, n_vocab %d, n_chunk %d, which cannot be"
              .formatted(context, vocab, chunks));
    }
    long tokens = (long) context * chunks;
    long rowsAt = HEADER + 4 * tokens;
    long rows = (long) chunks * (context - 1 - context / 2);
    if (tokens > Integer.MAX_VALUE || data.byteSize() != rowsAt + rows * rowBytes(vocab)) {
      throw new ModelFormatException(
          path, "", "has a length that does not fit its header; it is not whole");
    }
    int[] ids = data.asSlice(HEADER, 4 * tokens).toArray(INT);
    TokenizedText text = new TokenizedText(path.toString(), ids, bosId, bosId >= 0);
    return new LlamaLogitsFile(vocab, Windows.chunks(text, context), arena, data, rowsAt);
  }

  /**
   * Runs a model and writes the file.
   *
   * @param text the tokens; a remainder shorter than a chunk is dropped
   * @param protocol of kind {@code llamacpp}
   * @throws NibbleException if the text is too short, a logit is not finite, or the file cannot be
   *     written
   */
  public static void write(
      Path path,
      LanguageModel model,
      TokenizedText text,
      Protocol protocol,
      Workers workers,
      Progress progress) {
    Protocol resolved = protocol.resolve(model.contextLength());
    if (resolved.kind() != Protocol.Kind.LLAMACPP) {
      throw new NibbleException("a llama.cpp logits file needs the llamacpp protocol");
    }
    List<Window> windows = Windows.of(text, resolved);
    int vocab = model.vocabSize();
    int context = resolved.window();
    int tokens = context * windows.size();
    ByteBuffer head = ByteBuffer.allocate(HEADER + 4 * tokens).order(ByteOrder.LITTLE_ENDIAN);
    head.put(MAGIC).putInt(context).putInt(vocab).putInt(windows.size());
    head.asIntBuffer().put(text.tokens(), 0, tokens);
    try (RowFile out = new RowFile(path);
        Progress.Task task = progress.start("logits file", windows.size(), "chunks")) {
      out.write(0, head.clear());
      RowPass pass = new RowPass(model, workers);
      long at = head.capacity();
      for (Window window : windows) {
        long first = at;
        pass.run(
            window,
            (target, row, offset) ->
                out.write(first + target * rowBytes(vocab), encode(path, row, offset, vocab)));
        at += window.targets().length * rowBytes(vocab);
        task.advance(1);
      }
      out.commit();
    }
  }

  private static ByteBuffer encode(Path path, float[] row, int offset, int vocab) {
    double logSum = Logits.logSumExp(row, offset, vocab);
    if (Double.isNaN(logSum)) {
      throw new NibbleException(
          path + ": the model gives logits that are not finite, which this format cannot hold");
    }
    float max = Float.NEGATIVE_INFINITY;
    float min = Float.POSITIVE_INFINITY;
    for (int v = 0; v < vocab; v++) {
      max = Math.max(max, row[offset + v]);
      min = Math.min(min, row[offset + v]);
    }
    min = Math.max(min, max - RANGE);
    float scale = (max - min) / 65535;
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.toIntExact(rowBytes(vocab))).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putFloat(scale).putFloat((float) (min - logSum));
    for (int v = 0; v < vocab; v++) {
      float above = row[offset + v] - min;
      bytes.putShort((short) (above > 0 ? Math.round(above / scale) : 0));
    }
    return bytes.clear();
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
    loaded = index;
  }

  @Override
  public void read(int target, Row into) {
    Window window = windows.get(loaded);
    long at = rowsAt + ((long) loaded * window.targets().length + target) * rowBytes(vocab);
    float scale = data.get(FLOAT, at);
    float min = data.get(FLOAT, at + 4);
    for (int v = 0; v < vocab; v++) {
      into.logits[v] = min + scale * (data.get(SHORT, at + 8 + 2L * v) & 0xffff);
    }
    into.describe(window.targets()[target]);
  }

  @Override
  public void close() {
    arena.close();
  }
}

package dev.nibble.runtime.decoder;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.kernel.Matrix;
import java.util.List;
import java.util.Map;

/**
 * A whole model bound to its kernels: read-only, shared by any number of sequences.
 *
 * @param config architecture
 * @param embedding {@code [vocab, embeddingSize]}
 * @param positions learned positions, row-major {@code [rows, hidden]}, or null
 * @param type what an encoder adds to every token, or null
 * @param embeddingNorm norm after the embedding or null
 * @param projectIn embedding to hidden, or null
 * @param layers blocks in order
 * @param finalNorm norm before the head or null
 * @param projectOut hidden to embedding, or null
 * @param headTransform first part of an encoder's head or null
 * @param head logits; null for an encoder without a head
 * @param kernels kernel names with the number of matrices each runs
 */
public record Network(
    ModelConfig config,
    Matrix embedding,
    Matrix positions,
    float[] type,
    Norm embeddingNorm,
    Linear projectIn,
    List<Layer> layers,
    Norm finalNorm,
    Linear projectOut,
    Transform headTransform,
    Linear head,
    Map<String, Integer> kernels) {

  /**
   * First part of an encoder's head: linear, activation, norm.
   *
   * @param norm norm behind the activation or null
   */
  record Transform(Linear dense, Norm norm) {}

  /** Widest input of any matrix: what working memory is sized by. */
  public int widest() {
    int widest = Math.max(config.hiddenSize(), config.embeddingSize());
    return Math.max(widest, Math.max(FeedForwardRun.widest(config), config.qSize()));
  }

  /** Bytes of weights read to decode one token: of experts those that a token goes to. */
  public long bytesPerToken() {
    long bytes = head == null ? 0 : head.matrix().byteSize();
    for (Layer l : layers) {
      bytes += l.q().matrix().byteSize() + l.k().matrix().byteSize();
      bytes += l.v().matrix().byteSize() + l.o().matrix().byteSize();
      bytes += l.feedForward().activeBytes();
    }
    return bytes;
  }
}

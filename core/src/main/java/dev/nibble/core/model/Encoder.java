package dev.nibble.core.model;

/**
 * Texts to vectors, and to what the head makes of them: the view of an encoder that evaluation
 * needs, and of a decoder that gives vectors. One call at a time; the same bits for any number of
 * threads inside.
 */
public interface Encoder extends AutoCloseable {

  /** Architecture. */
  ModelConfig config();

  /**
   * Vectors of the last block; a decoder's after its final norm.
   *
   * @param tokens 1 to {@code config().maxPositions()} token ids, special ones included
   * @return row-major {@code [tokens, hidden]}
   */
  float[] hidden(int[] tokens);

  /**
   * Output of the head: {@code [tokens, vocab]} logits of a masked language model, {@code [labels]}
   * of a classifier.
   *
   * @throws dev.nibble.core.NibbleException when the model has no head
   */
  float[] head(int[] tokens);

  /**
   * The text's vector of length 1, pooled as the model says; zeros stay zeros.
   *
   * @return {@code [hidden]}
   */
  default float[] embed(int[] tokens) {
    return embed(tokens, config().encoder().pooling());
  }

  /** As the other, pooled in a way of the caller's. */
  default float[] embed(int[] tokens, EncoderConfig.Pooling pooling) {
    float[] rows = hidden(tokens);
    int width = rows.length / tokens.length;
    int from = pooling == EncoderConfig.Pooling.LAST ? tokens.length - 1 : 0;
    int to = pooling == EncoderConfig.Pooling.FIRST ? 1 : tokens.length;
    double[] sum = new double[width];
    for (int t = from; t < to; t++) {
      int weight = pooling == EncoderConfig.Pooling.WEIGHTED_MEAN ? t + 1 : 1;
      for (int i = 0; i < width; i++) {
        sum[i] += (double) weight * rows[t * width + i];
      }
    }
    double squares = 0;
    for (double v : sum) {
      squares += v * v;
    }
    double factor = squares == 0 ? 0 : 1 / Math.sqrt(squares);
    float[] out = new float[width];
    for (int i = 0; i < width; i++) {
      out[i] = (float) (sum[i] * factor);
    }
    return out;
  }

  @Override
  void close();
}

package dev.nibble.core.model;

/**
 * Texts to vectors, and to what the head makes of them: the view of an encoder that evaluation
 * needs. One call at a time; the same bits for any number of threads inside.
 */
public interface Encoder extends AutoCloseable {

  /** Architecture. */
  ModelConfig config();

  /**
   * Vectors of the last block.
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
    float[] rows = hidden(tokens);
    int width = config().hiddenSize();
    boolean mean = config().encoder().pooling() == EncoderConfig.Pooling.MEAN;
    int count = mean ? tokens.length : 1;
    double[] sum = new double[width];
    for (int t = 0; t < count; t++) {
      for (int i = 0; i < width; i++) {
        sum[i] += rows[t * width + i];
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

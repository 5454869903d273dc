package dev.nibble.compress;

/**
 * The part of a step that trains the whole quantized model, once every block has been quantized and
 * before the artefact is put together. It runs in the order of the recipe's steps, wherever in the
 * recipe those that work on blocks stand. What is stored keeps its type and its size.
 */
public interface ModelTuner {

  /**
   * Trains the student of the task in place. For a weight that is stored quantized, it sets both
   * the site's packed tensor, which has the size of the one before, and the block's parameter to
   * the packed tensor's values; other parameters keep their shape and are rounded to their stored
   * type afterwards.
   *
   * <p>Deterministic, whatever the number of threads and however often it was interrupted: state
   * that is worth keeping goes to the task's checkpoints, where a later call finds it.
   */
  void tune(TunerTask task);

  /**
   * Most memory in bytes that {@link #tune} holds at once beside the fp32 parameters of student and
   * teacher.
   */
  long workingBytes(ModelShape shape);

  /**
   * What working memory depends on.
   *
   * @param parameterBytes fp32 bytes of all parameters of one model
   * @param activationBytes all activations of one calibration sequence in all blocks
   * @param logitBytes fp32 logits of one calibration sequence
   * @param threads tasks that run at once
   */
  record ModelShape(long parameterBytes, long activationBytes, long logitBytes, int threads) {}
}

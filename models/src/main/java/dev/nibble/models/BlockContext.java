package dev.nibble.models;

import org.bytedeco.pytorch.Tensor;

/**
 * What a forward pass is told besides its input.
 *
 * @param observer sees site inputs, or null
 */
public record BlockContext(SiteObserver observer) {

  /** No observer. */
  public static final BlockContext PLAIN = new BlockContext(null);

  /**
   * Sees the input of every linear site, after its online transforms and before its input
   * quantizer.
   */
  @FunctionalInterface
  public interface SiteObserver {
    /**
     * Called once per site and forward pass, possibly from several threads at once.
     *
     * @param site canonical site name
     * @param input {@code [batch, seq, in]}, valid during the call only
     */
    void observe(String site, Tensor input);
  }
}

package dev.nibble.models;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * What a forward pass is told besides its input.
 *
 * @param observer sees site inputs, or null
 * @param lengths for an encoder the tokens of each sequence, which padding follows; empty when
 *     there is none. Outputs at padding mean nothing, and observers see its rows, too.
 */
public record BlockContext(SiteObserver observer, List<Integer> lengths) {

  /** No observer, no padding. */
  public static final BlockContext PLAIN = new BlockContext(null);

  /** Copies the list. */
  public BlockContext {
    lengths = List.copyOf(lengths);
  }

  /** Without padding. */
  public BlockContext(SiteObserver observer) {
    this(observer, List.of());
  }

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

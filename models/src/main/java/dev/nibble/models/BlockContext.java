package dev.nibble.models;

import java.util.List;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * What a forward pass is told besides its input.
 *
 * @param observer sees site inputs, or null
 * @param lengths for an encoder the tokens of each sequence, which padding follows; empty when
 *     there is none. Outputs at padding mean nothing, and observers see its rows, too.
 * @param shownAll modules of routed experts ({@code model.layers.3.mlp.experts.7}) whose sites the
 *     observer sees with every token of the batch instead of those that the router sends there; the
 *     block's output stays the same
 */
public record BlockContext(SiteObserver observer, List<Integer> lengths, Set<String> shownAll) {

  /** No observer, no padding. */
  public static final BlockContext PLAIN = new BlockContext(null);

  /** Copies the collections. */
  public BlockContext {
    lengths = List.copyOf(lengths);
    shownAll = Set.copyOf(shownAll);
  }

  /** An observer that sees of experts what the router sends them. */
  public BlockContext(SiteObserver observer, List<Integer> lengths) {
    this(observer, lengths, Set.of());
  }

  /** Without padding. */
  public BlockContext(SiteObserver observer, Set<String> shownAll) {
    this(observer, List.of(), shownAll);
  }

  /** Without padding; the observer sees of experts what the router sends them. */
  public BlockContext(SiteObserver observer) {
    this(observer, List.of(), Set.of());
  }

  /**
   * Sees the input of every linear site, after its online transforms and before its input
   * quantizer.
   */
  @FunctionalInterface
  public interface SiteObserver {
    /**
     * Called once per site and forward pass, possibly from several threads at once; not at all for
     * an expert that no token goes to.
     *
     * @param site canonical site name
     * @param input {@code [batch, seq, in]}, at a routed expert's sites {@code [1, tokens, in]};
     *     valid during the call only
     */
    void observe(String site, Tensor input);

    /**
     * As the other, for the sites of a routed expert.
     *
     * @param tokens for each row of {@code input} the token it belongs to, {@code sequence * length
     *     + position}, ascending; not to be modified
     */
    default void observe(String site, Tensor input, long[] tokens) {
      observe(site, input);
    }
  }
}

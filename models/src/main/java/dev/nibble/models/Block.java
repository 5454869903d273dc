package dev.nibble.models;

import java.util.List;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * A loaded piece of a network: fp32 libtorch parameters, and a forward pass that honours each
 * site's {@link SiteState}. Not thread-safe for writes; {@link #forward} may run concurrently on
 * several threads while nothing is rewritten. The forward pass is differentiable with respect to
 * parameters that require gradients.
 */
public interface Block extends AutoCloseable {

  /** Canonical name. */
  String name();

  /** Quantizable places, in execution order. */
  List<Site> sites();

  /** Sites grouped by shared input, in execution order. */
  List<Stage> stages();

  /** What may be rewritten together. */
  List<Coupling> couplings();

  /** Canonical names of all parameters present. */
  Set<String> parameterNames();

  /** Live fp32 parameter by canonical tensor name; owned by the block. */
  Tensor parameter(String name);

  /**
   * Replaces (or adds) a parameter and frees the old one. Called inside a {@link Torch} scope, to
   * which the value belongs; the block then keeps it beyond that scope.
   */
  void setParameter(String name, Tensor value);

  /** Places with run-time state: all sites, and the attention core of a decoder block. */
  Set<String> stateNames();

  /** Run-time state of a site, mutable. */
  SiteState state(String site);

  /**
   * Runs the block on a batch of equally long sequences, each from an empty cache.
   *
   * @param input see {@link BlockHandle.Kind}; not modified
   * @return a new tensor that the caller frees
   */
  Tensor forward(Tensor input, BlockContext context);

  /**
   * Runs only the attention ({@code "self_attn"}: normed input → o_proj output) or the MLP ({@code
   * "mlp"}) of a decoder block, without norm and residual.
   */
  Tensor forwardPart(String part, Tensor input, BlockContext context);

  /**
   * This block with some tensors replaced during its forward passes: it shares this block's states
   * and other parameters, owns nothing, cannot be changed, and is worthless once this block is
   * closed. Views may be made and run on several threads at once.
   */
  Block view(Substitutes substitutes);

  /**
   * How much attention each position of a decoder block receives: the column sums of the softmax
   * attention maps, over all heads and queries.
   *
   * @param input as for {@link #forward}
   * @return {@code [batch, seq]}, a new tensor that the caller frees; sums to {@code heads · seq}
   *     over a sequence
   */
  Tensor attentionReceived(Tensor input);

  @Override
  void close();
}

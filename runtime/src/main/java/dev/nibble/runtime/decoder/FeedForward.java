package dev.nibble.runtime.decoder;

import java.util.List;

/** What stands behind the second norm of a block. */
sealed interface FeedForward {

  /** Bytes of weights that one token reads. */
  long activeBytes();

  /**
   * An MLP.
   *
   * @param gate gate projection or null for a plain MLP
   */
  record Plain(Linear gate, Linear up, Linear down) implements FeedForward {
    @Override
    public long activeBytes() {
      long bytes = up.matrix().byteSize() + down.matrix().byteSize();
      return gate == null ? bytes : bytes + gate.matrix().byteSize();
    }

    int size() {
      return up.outputs();
    }
  }

  /**
   * Experts of which each token uses a few.
   *
   * @param router logits of the routed experts
   * @param routed experts by index
   * @param shared expert of every token, or null
   * @param sharedGate logit of its weight, or null for weight 1
   * @param topK routed experts of a token
   */
  record Experts(Linear router, List<Plain> routed, Plain shared, Linear sharedGate, int topK)
      implements FeedForward {
    /** With {@code topK} experts of mean size. */
    @Override
    public long activeBytes() {
      long all = routed.stream().mapToLong(Plain::activeBytes).sum();
      long bytes = router.matrix().byteSize() + all * topK / routed.size();
      bytes += shared == null ? 0 : shared.activeBytes();
      return sharedGate == null ? bytes : bytes + sharedGate.matrix().byteSize();
    }
  }
}

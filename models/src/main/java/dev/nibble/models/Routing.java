package dev.nibble.models;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.MoeConfig;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Which experts each token of a batch goes to, and with what weights. Scores are taken over all
 * experts, then the {@code topK} largest are chosen, then these are normalised if the model does so
 * (Shazeer et al. 2017; Jiang et al. 2024, section 2.1). Weights belong to the scope they were made
 * in and carry gradients to the logits.
 */
public final class Routing {
  private final int topK;
  private final long[] chosen;
  private final long[][] places;
  private final Tensor weights;

  private Routing(MoeConfig moe, long[] chosen, Tensor weights) {
    this.topK = moe.topK();
    this.chosen = chosen;
    this.weights = weights;
    int[] counts = new int[moe.experts()];
    for (long expert : chosen) {
      counts[(int) expert]++;
    }
    this.places = new long[moe.experts()][];
    for (int e = 0; e < counts.length; e++) {
      places[e] = new long[counts[e]];
      counts[e] = 0;
    }
    for (int p = 0; p < chosen.length; p++) {
      int expert = (int) chosen[p];
      places[expert][counts[expert]++] = p;
    }
  }

  /**
   * Chooses experts.
   *
   * @param logits {@code [tokens, experts]}
   * @param router named when a logit is not finite
   * @throws NibbleException when a logit is NaN or infinite
   */
  public static Routing of(MoeConfig moe, Tensor logits, String router) {
    if (!torch.isfinite(logits).all().item_bool()) {
      throw new NibbleException(
          router
              + ": a router logit is not finite, so no expert can be chosen; check the router's"
              + " weights and the inputs of its block",
          NibbleException.BAD_INPUT,
          null);
    }
    Tensor scores =
        moe.scoring() == MoeConfig.Scoring.SIGMOID
            ? torch.sigmoid(logits)
            : torch.softmax(logits, -1);
    var best = torch.topk(scores, moe.topK());
    Tensor weights = best.get0();
    if (moe.normTopK()) {
      weights = weights.div(weights.sum(new long[] {-1}, true, null));
    }
    if (moe.routedScale() != 1) {
      weights = weights.mul(new Scalar(moe.routedScale()));
    }
    return new Routing(moe, Torch.toLongs(best.get1()), weights);
  }

  /** Tokens that go to an expert, ascending; empty when none does. */
  public long[] tokens(int expert) {
    long[] out = new long[places[expert].length];
    for (int i = 0; i < out.length; i++) {
      out[i] = places[expert][i] / topK;
    }
    return out;
  }

  /** Experts of a token, best first. */
  public long[] experts(int token) {
    return java.util.Arrays.copyOfRange(chosen, token * topK, (token + 1) * topK);
  }

  /**
   * The weighted sum of the experts' outputs for every token.
   *
   * @param outputs {@code [tokens of the expert, width]} each, in order of the experts, without
   *     those that no token went to
   * @return {@code [tokens, width]}
   */
  Tensor combine(List<Tensor> outputs) {
    long[] rows = new long[chosen.length];
    int row = 0;
    for (long[] ofExpert : places) {
      for (long place : ofExpert) {
        rows[(int) place] = row++;
      }
    }
    Tensor all = torch.cat(new TensorVector(outputs.toArray(Tensor[]::new)), 0);
    Tensor byToken =
        all.index_select(0, Torch.fromLongs(rows, rows.length))
            .view(weights.size(0), topK, all.size(1));
    return byToken.mul(weights.unsqueeze(-1)).sum(1);
  }
}

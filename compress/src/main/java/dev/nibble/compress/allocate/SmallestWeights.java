package dev.nibble.compress.allocate;

import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Takes the smallest weights of a unit away for a while. */
final class SmallestWeights {
  private final Block block;
  private final Unit unit;
  private final float[] magnitudes;

  /**
   * @param block that the unit is, or lies in; it must stay open
   */
  SmallestWeights(Block block, Unit unit) {
    this.block = block;
    this.unit = unit;
    this.magnitudes = new float[Math.toIntExact(unit.weights())];
    int at = 0;
    for (Site site : unit.sites()) {
      for (float w : Torch.toFloats(block.parameter(TensorNames.weight(site.name())))) {
        magnitudes[at++] = Math.abs(w);
      }
    }
    Arrays.sort(magnitudes);
  }

  /**
   * Runs {@code body} with the smallest weights of all sites together at zero. They are put back
   * bit for bit.
   *
   * @param share of the weights; ties with the last of them go, too
   */
  double without(double share, Replay.ToDouble body) {
    int count = (int) Math.floor(share * magnitudes.length);
    return without(unit.sites(), count == 0 ? -1 : magnitudes[count - 1], body);
  }

  private double without(List<Site> sites, float most, Replay.ToDouble body) {
    if (sites.isEmpty()) {
      return body.value();
    }
    String name = TensorNames.weight(sites.getFirst().name());
    float[] w = Torch.toFloats(block.parameter(name));
    for (int i = 0; i < w.length; i++) {
      if (Math.abs(w[i]) <= most) {
        w[i] = 0;
      }
    }
    try (Tensor values =
        Torch.owned(() -> Torch.fromFloats(w, Torch.shape(block.parameter(name))))) {
      return Replay.with(
          block, name, values, () -> without(sites.subList(1, sites.size()), most, body));
    }
  }
}

package dev.nibble.compress.solve;

import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Site;
import java.util.ArrayList;
import java.util.List;

/** The grids that an earlier step of the recipe has stored a weight on. */
final class KeptGrid {
  private KeptGrid() {}

  /**
   * What the earlier step stored, by part.
   *
   * @param earlier the site's packed weight, or null
   * @param parts how the weight is to be stored now
   * @param step recipe key of the step that asks, for the message
   * @throws NibbleException when nothing is stored, or with other specs
   */
  static List<AffineTensor> of(PackedTensor earlier, Parts parts, Site site, String step) {
    List<PackedTensor> stored =
        switch (earlier) {
          case null -> List.of();
          case BandedTensor banded -> banded.bands();
          case PackedTensor whole -> List.of(whole);
        };
    List<AffineTensor> out = new ArrayList<>();
    for (int i = 0; i < Math.min(stored.size(), parts.parts().size()); i++) {
      if (stored.get(i) instanceof AffineTensor affine
          && fits(affine, parts.parts().get(i).spec())) {
        out.add(affine);
      }
    }
    if (out.isEmpty() || out.size() != stored.size() || out.size() != parts.parts().size()) {
      throw new NibbleException(
          step
              + ": keep_grid needs "
              + site.name()
              + " stored as "
              + parts.text()
              + " by an earlier step, but it is "
              + (earlier == null ? "not stored yet" : "stored as " + earlier.typeName())
              + "; put a step that learns grids (omniquant) with the same spec before");
    }
    return out;
  }

  private static boolean fits(AffineTensor stored, QuantSpec spec) {
    int group = spec.granularity() == Granularity.TENSOR ? 0 : spec.groupColumns(stored.columns());
    return stored.bits() == spec.bits()
        && stored.symmetric() == spec.symmetric()
        && stored.scaleFormat() == spec.scaleFormat()
        && stored.groupIndex() == null
        && stored.groupSize() == group;
  }
}

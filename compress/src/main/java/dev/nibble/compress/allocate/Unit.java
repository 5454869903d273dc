package dev.nibble.compress.allocate;

import dev.nibble.models.Site;
import java.util.List;

/**
 * Sites that get one level together: those of a block, or a single one.
 *
 * @param name of the block or site
 * @param sites in execution order
 */
record Unit(String name, List<Site> sites) {
  /** What gets a level of its own. */
  enum Kind {
    BLOCK,
    LINEAR
  }

  /** Copies the list. */
  Unit {
    sites = List.copyOf(sites);
  }

  /** Number of weights. */
  long weights() {
    return sites.stream().mapToLong(Unit::weights).sum();
  }

  /** Number of weights of a site. */
  static long weights(Site site) {
    return (long) site.outputs() * site.inputs();
  }
}

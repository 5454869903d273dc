package dev.nibble.runtime.decoder;

import dev.nibble.runtime.kernel.Team;
import dev.nibble.runtime.kernel.VectorMath;

/** Transforms rows of a site's product and adds the bias. */
final class OutputTask implements Team.Task {
  Linear site;
  float[] out;

  @Override
  public void run(int row, int worker) {
    int n = site.outputs();
    SiteInputs.transform(site.ops().outputTransforms(), out, row * n, 1, n);
    if (site.bias() != null) {
      VectorMath.plus(out, row * n, site.bias(), 0, n);
    }
  }
}

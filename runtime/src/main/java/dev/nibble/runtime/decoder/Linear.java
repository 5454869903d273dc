package dev.nibble.runtime.decoder;

import dev.nibble.core.op.SiteOps;
import dev.nibble.runtime.kernel.Matrix;

/**
 * A linear site.
 *
 * @param matrix weight {@code [out, in]} with its kernel
 * @param bias {@code [out]} or null
 * @param ops what happens to the input first
 */
record Linear(Matrix matrix, float[] bias, SiteOps ops) {

  int outputs() {
    return matrix.rows();
  }

  int inputs() {
    return matrix.columns();
  }
}

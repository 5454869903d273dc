package dev.nibble.compress.solve;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** A stored group index, and all Hessians of a block from one pass. */
class GptqGroupIndexTest extends GptqContract {

  @Override
  protected ObjectNode options() {
    return super.options().put("static_groups", false).put("true_sequential", false);
  }
}

package dev.nibble.compress.solve;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** Columns in place, grids fitted in the loop. */
class GptqInPlaceTest extends GptqContract {

  @Override
  protected ObjectNode options() {
    return super.options().put("act_order", false).put("static_groups", false);
  }
}

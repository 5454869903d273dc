package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.json.JsonFields;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * {@link BandedTensor}.
 *
 * <pre>
 *   { "type": "banded", "shape": [..], "axis": "rows"|"columns", "bands": [ descriptors ], "unit": 1.. }
 *   NAME.0, NAME.1 ..  the bands, as their descriptors say
 *   NAME.order         U16|I32 [ceil(length / unit)]  only when the bands are not in natural order
 * </pre>
 */
final class BandedCodec implements TensorCodec<BandedTensor> {
  @Override
  public String type() {
    return "banded";
  }

  @Override
  public Class<BandedTensor> kind() {
    return BandedTensor.class;
  }

  @Override
  public void describe(BandedTensor t, ObjectNode descriptor) {
    descriptor.put("axis", t.axis().name().toLowerCase(Locale.ROOT)).put("unit", t.unit());
    ArrayNode bands = descriptor.putArray("bands");
    t.bands().forEach(band -> bands.add(TensorCodecs.descriptor(band)));
  }

  @Override
  public void write(BandedTensor t, ComponentWriter out) {
    for (int b = 0; b < t.bands().size(); b++) {
      out.nested(Integer.toString(b), t.bands().get(b));
    }
    if (t.order() != null) {
      out.values("order", orderType(Math.ceilDiv(t.length(), t.unit())), t.order());
    }
  }

  private static DType orderType(int units) {
    return BandedTensor.orderBytes(units) == 2 ? DType.U16 : DType.I32;
  }

  @Override
  public BandedTensor read(ComponentReader in) {
    BandedTensor.Axis axis = in.descriptor().constant("axis", BandedTensor.Axis.class);
    int unit = in.descriptor().integer("unit", 1, Integer.MAX_VALUE);
    List<PackedTensor> bands = new ArrayList<>();
    for (JsonFields band : in.descriptor().objects("bands")) {
      bands.add(in.nested(Integer.toString(bands.size()), band));
    }
    MemorySegment order = null;
    if (in.has("order")) {
      long length = axis == BandedTensor.Axis.ROWS ? in.rows() : in.columns();
      int units = Math.toIntExact(Math.ceilDiv(length, unit));
      order = in.component("order", orderType(units), units);
    }
    try {
      return new BandedTensor(in.shape(), axis, bands, unit, order);
    } catch (IllegalArgumentException e) {
      throw in.descriptor().problem("bands", e.getMessage());
    }
  }
}

package dev.nibble.io.interop;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.DType;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Supplier;

/** A layout that quantized linears are exported in, exactly or not at all. */
interface LinearFormat {

  /** Name in messages. */
  String name();

  /**
   * Checks that the layout holds the linear exactly.
   *
   * @throws NibbleException naming the module and what does not fit
   */
  void check(StoredLinear linear);

  /**
   * Lays out a model whose linears are checked. Data is made when it is written.
   *
   * @throws NibbleException when the linears do not go together
   */
  Written write(Linears model);

  /**
   * A model laid out.
   *
   * @param config the {@code quantization_config}
   * @param entries tensors of the quantized linears
   * @param notes what the user should know about the choices made, a line each
   */
  record Written(ObjectNode config, List<Entry> entries, List<String> notes) {}

  /**
   * The linears of a model.
   *
   * @param quantized in execution order
   * @param plain modules that are linears with plain weights
   * @param head module of the head
   */
  record Linears(List<StoredLinear> quantized, List<String> plain, String head) {

    /** Columns per group of the first linear with several groups a row; 0 when there is none. */
    int groupSize() {
      return quantized.stream()
          .filter(l -> !l.wholeRows())
          .findFirst()
          .map(StoredLinear::groupSize)
          .orElse(0);
    }

    /**
     * Columns per group of a linear, 0 for whole rows; rows as wide as the model's group have it.
     */
    int groupSize(StoredLinear linear) {
      boolean group = !linear.wholeRows() || linear.columns() == groupSize();
      return group ? linear.groupSize() : 0;
    }
  }

  /** An entry whose bytes are made when it is written. */
  static Entry lazy(String name, DType type, long[] shape, Supplier<MemorySegment> data) {
    return new Entry(name, type, shape, sink -> sink.write(data.get()));
  }

  /** An exception that says why a linear does not fit. */
  default NibbleException unfit(StoredLinear linear, String reason) {
    return new NibbleException(
        linear.module() + " (" + linear.typeName() + ") does not fit " + name() + ": " + reason);
  }

  /** Element type of scales for layouts that know half precision only. */
  default DType halfScales(StoredLinear linear) {
    return switch (linear.scaleFormat()) {
      case BF16 -> DType.BF16;
      default -> DType.F16;
    };
  }

  /** Refuses scales that {@link #halfScales} would round. */
  default void requireHalfScales(StoredLinear linear) {
    if (halfScales(linear) == DType.BF16) {
      return;
    }
    linear
        .scaleBeyond(ScaleFormat.FP16)
        .ifPresent(
            s -> {
              throw unfit(
                  linear, "its scales are fp16, but here is " + s + "; quantize with fp16 scales");
            });
  }

  /** Refuses what runs beside the weight. */
  default void requirePlain(StoredLinear linear) {
    if (!linear.ops().isPlain()) {
      String part = linear.ops().withoutTransforms() ? "an activation quantizer" : "a transform";
      throw unfit(linear, "the layer runs " + part + " too; export in the nibble format");
    }
  }
}

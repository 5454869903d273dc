package dev.nibble.io.model;

import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.safetensors.TensorSource;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * A way in which other tools store quantized linears in a Hugging Face directory, recognised by the
 * {@code quantization_config} of its config.json (GPTQ, AWQ, compressed-tensors). Found through
 * {@link ServiceLoader}: one class and one service line a layout. Names of families are not its
 * business: it is asked for source modules such as {@code model.layers.0.mlp.down_proj}.
 */
public interface WeightLayout {

  /** Name in messages, as {@code gptq}. */
  String name();

  /**
   * A reader for a model, or empty when the model is stored another way.
   *
   * @param quantization the {@code quantization_config} object
   * @param tensors all stored tensors; stays open as long as the reader is used
   * @throws dev.nibble.core.ModelFormatException when the object is of this layout but damaged, or
   *     asks for what is not supported
   */
  Optional<Reader> open(JsonFields quantization, TensorSource tensors);

  /** Reader of one model's quantized linears. Safe to use from any thread. */
  interface Reader {

    /** True when the weight of {@code module} is stored in this layout rather than plainly. */
    boolean stores(String module);

    /**
     * Logical shape {@code [out, in]} of a module for which {@link #stores} is true, after checking
     * that all its tensors are there, of the right types and of shapes that fit together.
     *
     * @throws dev.nibble.core.ModelFormatException naming the tensor that is not
     */
    long[] shape(String module);

    /**
     * Quantizer of the input of a module for which {@link #stores} is true.
     *
     * @throws dev.nibble.core.ModelFormatException when it is of a kind that is not supported
     */
    Optional<ActivationQuant> inputQuant(String module);

    /**
     * The weight of a module for which {@link #stores} is true.
     *
     * @return {@code [out, in]}, whatever orientation the layout or the family has on disk
     */
    PackedTensor weight(String module);
  }

  /** Reads nothing: the model is stored plainly. */
  Reader PLAIN =
      new Reader() {
        @Override
        public boolean stores(String module) {
          return false;
        }

        @Override
        public long[] shape(String module) {
          throw none(module);
        }

        @Override
        public Optional<ActivationQuant> inputQuant(String module) {
          throw none(module);
        }

        @Override
        public PackedTensor weight(String module) {
          throw none(module);
        }

        private static IllegalArgumentException none(String module) {
          return new IllegalArgumentException("no quantized module " + module);
        }
      };

  /**
   * The reader for a model: plain when config.json has no {@code quantization_config}.
   *
   * @throws dev.nibble.core.ModelFormatException when no known layout fits
   */
  static Reader find(JsonFields config, TensorSource tensors) {
    Optional<JsonFields> quantization = config.optionalObject("quantization_config");
    if (quantization.isEmpty()) {
      return PLAIN;
    }
    StringBuilder known = new StringBuilder();
    for (WeightLayout layout : ServiceLoader.load(WeightLayout.class)) {
      Optional<Reader> reader = layout.open(quantization.get(), tensors);
      if (reader.isPresent()) {
        return reader.get();
      }
      known.append(known.isEmpty() ? "" : ", ").append(layout.name());
    }
    String method = quantization.get().optionalString("quant_method").orElse("(none)");
    throw config.problem(
        "quantization_config.quant_method",
        "'"
            + JsonFields.shown(method)
            + "' is not supported; supported are "
            + (known.isEmpty() ? "plain weights only" : known)
            + "; use the original model");
  }
}

package dev.nibble.io.model;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.io.json.JsonFields;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * A Hugging Face model family: everything that Nibble has to know of it.
 *
 * @param modelType value of {@code model_type}, and name of the family in {@link ModelConfig}
 * @param config fills in the draft from config.json
 * @param tensors where the canonical tensors lie, once the configuration is known
 */
record Family(
    String modelType,
    BiConsumer<JsonFields, ConfigDraft> config,
    Function<ModelConfig, TensorTable> tensors) {}

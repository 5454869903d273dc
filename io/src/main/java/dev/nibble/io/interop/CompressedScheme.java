package dev.nibble.io.interop;

import dev.nibble.core.op.ActivationQuant;
import dev.nibble.io.json.JsonFields;
import java.util.Optional;

/**
 * One of the {@code config_groups} of compressed-tensors: how the weights and inputs of its targets
 * are quantized.
 *
 * @param json the group, for messages
 * @param bits 1 to 8
 * @param floating codes are floats (8 bits, e4m3), else integers
 * @param symmetric the zero-point is 0
 * @param strategy what shares a scale
 * @param groupSize columns per group for {@link Strategy#GROUP}, else 0
 * @param input quantizer of the inputs
 */
record CompressedScheme(
    JsonFields json,
    int bits,
    boolean floating,
    boolean symmetric,
    Strategy strategy,
    int groupSize,
    Optional<ActivationQuant> input) {

  private static final int MAX_GROUP = 1 << 24;

  /** What shares a scale. */
  enum Strategy {
    TENSOR,
    CHANNEL,
    GROUP
  }

  /**
   * @throws dev.nibble.core.ModelFormatException naming the field that is not supported
   */
  static CompressedScheme read(JsonFields group) {
    JsonFields weights = group.object("weights");
    if (group.has("output_activations")) {
      throw group.problem("output_activations", "quantized outputs are not supported");
    }
    refuseDynamic(weights);
    String type = weights.optionalString("type").orElse("int");
    boolean floating = type.equals("float");
    if (!floating && !type.equals("int")) {
      throw weights.problem("type", "'" + JsonFields.shown(type) + "' is neither int nor float");
    }
    int bits = weights.integer("num_bits", 1, 64);
    boolean symmetric = weights.flag("symmetric", true);
    if (bits > 8 || bits < 2 || (floating && bits != 8)) {
      throw weights.problem(
          "num_bits", bits + " is not supported; supported are int 2 to 8, and float 8 as e4m3");
    }
    if (floating && !symmetric) {
      throw weights.problem("symmetric", "floats with zero-points are not supported");
    }
    int groupSize = weights.integer("group_size", -1, MAX_GROUP, -1);
    Strategy strategy = strategy(weights, groupSize);
    if (strategy == Strategy.GROUP && groupSize < 1) {
      throw weights.problem("group_size", "the strategy group needs a size");
    }
    return new CompressedScheme(
        group,
        bits,
        floating,
        symmetric,
        strategy,
        strategy == Strategy.GROUP ? groupSize : 0,
        group.optionalObject("input_activations").map(CompressedScheme::input));
  }

  private static void refuseDynamic(JsonFields weights) {
    if (weights.has("dynamic") && !weights.node().get("dynamic").asText().equals("false")) {
      throw weights.problem("dynamic", "weights with scales made at run time are not supported");
    }
  }

  private static Strategy strategy(JsonFields weights, int groupSize) {
    if (!weights.has("strategy")) {
      if (!weights.has("group_size")) {
        return Strategy.TENSOR;
      }
      return groupSize > 0 ? Strategy.GROUP : Strategy.CHANNEL;
    }
    String name = weights.string("strategy");
    return switch (name) {
      case "tensor" -> Strategy.TENSOR;
      case "channel" -> Strategy.CHANNEL;
      case "group" -> Strategy.GROUP;
      default ->
          throw weights.problem(
              "strategy",
              "'"
                  + JsonFields.shown(name)
                  + "' is not supported; supported are tensor, channel and group");
    };
  }

  private static ActivationQuant input(JsonFields input) {
    if (!input.optionalString("type").orElse("int").equals("int")) {
      throw input.problem("type", "inputs quantized to floats are not supported; only int is");
    }
    if (!input.flag("dynamic", false)) {
      throw input.problem("dynamic", "inputs with fixed scales are not supported; true is needed");
    }
    if (!input.optionalString("strategy").orElse("tensor").equals("token")) {
      throw input.problem("strategy", "inputs are supported with a scale per token only");
    }
    return new ActivationQuant(
        input.integer("num_bits", 2, 8, 8),
        ActivationQuant.Granularity.TOKEN,
        0,
        input.flag("symmetric", true),
        1f,
        0f,
        0);
  }
}

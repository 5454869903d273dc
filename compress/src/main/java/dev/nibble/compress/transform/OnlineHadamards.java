package dev.nibble.compress.transform;

import dev.nibble.core.model.Mlp;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.transform.Hadamard;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The Hadamard transforms inside attention and MLP: which fit the model's widths, what each leaves
 * to be done at run time, and where a width forced another choice.
 *
 * <p>Values: per head into {@code v_proj}, undone in {@code o_proj}; it passes through attention,
 * which mixes tokens linearly. With {@code o} online, the transform across heads is added, so that
 * together they are a Hadamard transform of all {@code heads · headDim} inputs.
 *
 * @param perHead folded into the outputs of {@code v_proj}
 * @param output rows of {@code o_proj}, in order
 * @param outputOnline the last of these, when run time has to do it
 * @param down rows of {@code down_proj} by width, done at run time too; empty for none
 * @param keys queries and keys at run time
 * @param notes choices that a width forced, as clauses
 */
record OnlineHadamards(
    Optional<OnlineTransform> perHead,
    List<OnlineTransform> output,
    Optional<OnlineTransform> outputOnline,
    Map<Integer, OnlineTransform> down,
    Optional<OnlineTransform> keys,
    List<String> notes) {

  /** The transforms that the options ask for and the widths allow. */
  static OnlineHadamards of(ModelConfig config, RotationOptions options) {
    List<String> notes = new ArrayList<>();
    Optional<OnlineTransform> perHead = Optional.empty();
    List<OnlineTransform> output = new ArrayList<>();
    Optional<OnlineTransform> across = Optional.empty();
    int dim = config.headDim();
    int width = config.qSize();
    boolean online = options.online().contains(RotationOptions.Online.O);
    if (online && !Hadamard.supported(config.heads()) && Hadamard.supported(width)) {
      across = Optional.of(new OnlineTransform.Hadamard(width));
      notes.add(
          "there is no Hadamard matrix across "
              + config.heads()
              + " heads, so o_proj's whole input"
              + " of "
              + width
              + " is transformed at run time and nothing is folded into v_proj");
    } else {
      OnlineTransform head = new OnlineTransform.BlockHadamard(block(dim, "a head", notes));
      perHead = Optional.of(head);
      output.add(head);
      if (online && Hadamard.supported(config.heads())) {
        across = Optional.of(new OnlineTransform.HeadHadamard(config.heads(), dim));
      } else if (online) {
        notes.add(
            "there is no Hadamard matrix across " + config.heads() + " heads: heads stay apart");
      }
    }
    across.ifPresent(output::add);
    return new OnlineHadamards(
        perHead,
        List.copyOf(output),
        across,
        down(config, options, notes),
        keys(config, options, notes),
        List.copyOf(notes));
  }

  private static Map<Integer, OnlineTransform> down(
      ModelConfig config, RotationOptions options, List<String> notes) {
    Map<Integer, OnlineTransform> out = new TreeMap<>();
    if (!options.online().contains(RotationOptions.Online.DOWN)) {
      return out;
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      for (Mlp mlp : Mlp.of(config, layer)) {
        out.computeIfAbsent(
            mlp.size(),
            width ->
                Hadamard.supported(width)
                    ? new OnlineTransform.Hadamard(width)
                    : new OnlineTransform.BlockHadamard(block(width, "an MLP", notes)));
      }
    }
    return out;
  }

  /** The transform of an MLP's inner vector; none or one. */
  List<OnlineTransform> down(Mlp mlp) {
    return Optional.ofNullable(down.get(mlp.size())).stream().toList();
  }

  private static Optional<OnlineTransform> keys(
      ModelConfig config, RotationOptions options, List<String> notes) {
    return options.online().contains(RotationOptions.Online.QK)
        ? Optional.of(new OnlineTransform.BlockHadamard(block(config.headDim(), "a head", notes)))
        : Optional.empty();
  }

  /** The transform of a head that needs no matrix across heads. */
  static OnlineTransform head(int dim) {
    return new OnlineTransform.BlockHadamard(block(dim, "a head", new ArrayList<>()));
  }

  /** The same with another map of the value heads, or none; nothing goes across heads then. */
  OnlineHadamards withHead(Optional<OnlineTransform> head) {
    return new OnlineHadamards(head, head.stream().toList(), Optional.empty(), down, keys, notes);
  }

  /** The width itself where it has a Hadamard matrix, else its largest power-of-two divisor. */
  private static int block(int width, String what, List<String> notes) {
    if (Hadamard.supported(width)) {
      return width;
    }
    int block = Integer.lowestOneBit(width);
    notes.add(
        "there is no Hadamard matrix for the width "
            + width
            + " of "
            + what
            + ": blocks of "
            + block
            + " are used");
    return block;
  }

  /** Run-time transforms by site of a decoder block. */
  Map<String, OnlineTransform> sites(ModelConfig config, int layer) {
    Map<String, OnlineTransform> out = new LinkedHashMap<>();
    outputOnline.ifPresent(t -> out.put(TensorNames.layer(layer, TensorNames.O), t));
    for (Mlp mlp : Mlp.of(config, layer)) {
      down(mlp).forEach(t -> out.put(mlp.down(), t));
    }
    keys.ifPresent(t -> out.put(TensorNames.layer(layer, TensorNames.ATTENTION), t));
    return out;
  }
}

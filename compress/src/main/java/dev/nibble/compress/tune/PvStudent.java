package dev.nibble.compress.tune;

import dev.nibble.compress.block.Seeds;
import dev.nibble.compress.codebook.ArrayAdam;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.CodebookTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** What {@link PvTuning} changes in a model: quantized weights and plain parameters. */
final class PvStudent {
  private static final double EPSILON = 1e-8;

  private final ResidentModel model;
  private final PvOptions options;
  private final List<Weight> weights = new ArrayList<>();
  private final List<Plain> plain = new ArrayList<>();

  /** A quantized weight and where it lies. */
  private record Weight(
      String name, Block block, String site, CodeMover mover, PackedTensor stored, int[] start) {}

  /** A parameter that is not quantized. */
  private record Plain(String name, long[] shape, float[] value, float[] start, ArrayAdam adam) {}

  PvStudent(ResidentModel model, PvOptions options) {
    this.model = model;
    this.options = options;
    ArrayAdam.Rule rule =
        new ArrayAdam.Rule(
            options.values().rate(),
            options.values().beta1(),
            options.values().beta2(),
            EPSILON,
            false);
    Map<String, PackedTensor> quantized = new LinkedHashMap<>();
    for (Block block : model.blocks()) {
      for (Site site : block.sites()) {
        block
            .state(site.name())
            .packed()
            .ifPresent(
                packed -> {
                  String name = TensorNames.weight(site.name());
                  quantized.put(name, packed);
                  add(name, block, site.name(), packed, rule);
                });
      }
    }
    if (options.updateOthers()) {
      model
          .parameters()
          .forEach(
              (name, tensor) -> {
                if (!quantized.containsKey(name)) {
                  float[] value = Torch.toFloats(tensor);
                  plain.add(
                      new Plain(
                          name,
                          Torch.shape(tensor),
                          value,
                          value.clone(),
                          new ArrayAdam(rule, value.length)));
                }
              });
    }
  }

  private void add(
      String name, Block block, String site, PackedTensor packed, ArrayAdam.Rule rule) {
    QuantizedWeight weight =
        switch (packed) {
          case CodebookTensor codebook -> new CodebookWeight(codebook, rule);
          case AffineTensor affine -> new GridWeight(affine, rule);
          default -> null; // stays as it is
        };
    if (weight != null) {
      int[] start = ((int[]) weight.values().get("codes")).clone();
      weights.add(new Weight(name, block, site, new CodeMover(weight, options), packed, start));
    }
  }

  /** Number of quantized weights that are trained. */
  int weights() {
    return weights.size();
  }

  /** Names of the parameters that gradients are needed of. */
  List<String> trained() {
    List<String> out = new ArrayList<>();
    weights.forEach(w -> out.add(w.name()));
    plain.forEach(p -> out.add(p.name()));
    return out;
  }

  /** Changes everything by one step; weights are independent tasks. */
  void step(Map<String, float[]> gradients, long seed, Workers workers) {
    workers.forEach(
        weights.size() + plain.size(),
        i -> {
          if (i < weights.size()) {
            Weight w = weights.get(i);
            w.mover().step(gradients.get(w.name()), Seeds.derive(seed, w.name()));
          } else {
            Plain p = plain.get(i - weights.size());
            p.adam().step(p.value(), gradients.get(p.name()));
          }
        });
  }

  /**
   * Sets the model's parameters.
   *
   * @param stored to what quantized weights will be once they are stored, else to what is trained
   */
  void put(Workers workers, boolean stored) {
    Tensor[] values = new Tensor[weights.size()];
    workers.forEach(
        values.length,
        i -> {
          Weight w = weights.get(i);
          QuantizedWeight weight = w.mover().weight();
          values[i] =
              Torch.owned(
                  () ->
                      stored
                          ? Torch.fromPacked(weight.pack(), ScalarType.Float)
                          : Torch.fromFloats(weight.value(), w.stored().shape()));
        });
    for (int i = 0; i < values.length; i++) {
      set(weights.get(i).name(), values[i]);
    }
    for (Plain p : plain) {
      set(p.name(), Torch.owned(() -> Torch.fromFloats(p.value(), p.shape())));
    }
  }

  /** Sets a parameter to a tensor that is closed here. */
  private void set(String name, Tensor value) {
    try {
      Torch.run(() -> model.setParameter(name, new Tensor(value)));
    } finally {
      value.close();
    }
  }

  /** Leaves the trained state in the model as it will be stored. */
  void finish(Workers workers) {
    put(workers, true);
    weights.forEach(w -> w.block().state(w.site()).packed(w.mover().weight().pack()));
  }

  /** Leaves the model as it was at first. */
  void restore() {
    for (Weight w : weights) {
      set(w.name(), Torch.owned(() -> Torch.fromPacked(w.stored(), ScalarType.Float)));
    }
    for (Plain p : plain) {
      set(p.name(), Torch.owned(() -> Torch.fromFloats(p.start(), p.shape())));
    }
  }

  /** Share of codes that differ from the start. */
  double changed() {
    long changed = 0;
    long all = 0;
    for (Weight w : weights) {
      int[] now = (int[]) w.mover().weight().values().get("codes");
      all += now.length;
      for (int i = 0; i < now.length; i++) {
        changed += now[i] == w.start()[i] ? 0 : 1;
      }
    }
    return all == 0 ? 0 : (double) changed / all;
  }

  /** Live arrays of what is stored. */
  Map<String, Object> values() {
    Map<String, Object> out = new LinkedHashMap<>();
    weights.forEach(w -> prefixed(out, w.name(), w.mover().weight().values()));
    plain.forEach(p -> out.put(p.name(), p.value()));
    return out;
  }

  /** Live arrays of everything. */
  Map<String, Object> state() {
    Map<String, Object> out = new LinkedHashMap<>();
    weights.forEach(w -> prefixed(out, w.name(), w.mover().state()));
    plain.forEach(
        p -> {
          out.put(p.name(), p.value());
          prefixed(out, p.name(), p.adam().state());
        });
    return out;
  }

  private static void prefixed(Map<String, Object> out, String name, Map<String, Object> arrays) {
    arrays.forEach((key, array) -> out.put(name + "/" + key, array));
  }
}

package dev.nibble.io.model;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.transform.Hadamard;
import dev.nibble.io.json.JsonFields;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Checks that run-time operators sit on sites of the model and fit the width of their input. */
final class SiteOpsCheck {
  private SiteOpsCheck() {}

  /**
   * Checks all operators.
   *
   * @throws ModelFormatException naming the site that does not fit
   */
  static void check(Path file, ModelConfig config, Map<String, SiteOps> sites) {
    Map<String, Widths> widths = widths(config);
    sites.forEach(
        (site, ops) -> {
          Widths width = widths.get(site);
          String where = "site_ops." + JsonFields.shown(site);
          if (width == null) {
            throw new ModelFormatException(file, where, "the model has no such site");
          }
          checkFit(file, where, ops.onlineTransforms(), "inputs", width.inputs());
          checkFit(file, where, ops.outputTransforms(), "outputs", width.outputs());
          ops.inputQuant().ifPresent(q -> checkQuant(file, where, q, width.inputs()));
        });
  }

  /** Widths of a site; an attention core has no outputs that could be transformed. */
  private record Widths(long inputs, long outputs) {}

  private static void checkFit(
      Path file, String where, List<OnlineTransform> transforms, String side, long width) {
    for (OnlineTransform transform : transforms) {
      if (!fits(transform, width)) {
        throw new ModelFormatException(
            file,
            where,
            transform.getClass().getSimpleName() + " does not fit " + side + " of width " + width);
      }
    }
  }

  /** Widths of every linear and of every attention core (whose inputs are heads). */
  private static Map<String, Widths> widths(ModelConfig config) {
    Map<String, Widths> out = new HashMap<>();
    Map<String, long[]> layout = TensorLayout.all(config);
    layout.putAll(TensorLayout.head(config));
    layout.forEach(
        (name, shape) -> {
          if (shape.length == 2) {
            out.put(name.substring(0, name.lastIndexOf('.')), new Widths(shape[1], shape[0]));
          }
        });
    for (int layer = 0; layer < config.layers(); layer++) {
      out.put(TensorNames.layer(layer, TensorNames.ATTENTION), new Widths(config.headDim(), 0));
    }
    return out;
  }

  private static boolean fits(OnlineTransform transform, long width) {
    return switch (transform) {
      case OnlineTransform.Hadamard t -> t.n() == width && Hadamard.supported(t.n());
      case OnlineTransform.HeadHadamard t ->
          (long) t.heads() * t.headDim() == width && Hadamard.supported(t.heads());
      case OnlineTransform.BlockHadamard t ->
          width > 0 && width % t.block() == 0 && Hadamard.supported(t.block());
      case OnlineTransform.Permutation t -> t.source().length == width;
      case OnlineTransform.Scaling t -> t.factor().length == width;
      case OnlineTransform.BlockMatrix t -> width > 0 && width % t.block() == 0;
      case OnlineTransform.Seeded t -> t.n() == width;
    };
  }

  private static void checkQuant(Path file, String where, ActivationQuant quant, long width) {
    if (quant.granularity() == ActivationQuant.Granularity.GROUP && quant.groupSize() > width) {
      throw new ModelFormatException(
          file, where, "groups of " + quant.groupSize() + " columns in inputs of width " + width);
    }
  }
}

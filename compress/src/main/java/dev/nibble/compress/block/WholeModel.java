package dev.nibble.compress.block;

import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Model;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Site;
import dev.nibble.models.SiteState;
import dev.nibble.models.Torch;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** All sealed blocks as one model in memory, and back. */
public final class WholeModel {
  private WholeModel() {}

  /**
   * The model that the stored tensors make; the caller closes it, before what backs the tensors.
   *
   * @param model what the blocks were loaded from
   * @param tensors stored tensors of all blocks, by canonical name
   * @param operators run-time operators of sites that are not plain
   */
  public static ResidentModel restore(
      Model model, Map<String, PackedTensor> tensors, Map<String, SiteOps> operators) {
    List<Block> blocks = new ArrayList<>();
    try {
      for (BlockHandle handle : model.blocks()) {
        Block block = handle.load();
        blocks.add(block);
        restore(block, tensors, operators);
      }
      return ResidentModel.of(model.config(), blocks);
    } catch (RuntimeException | Error e) {
      blocks.forEach(Block::close);
      throw e;
    }
  }

  /** Gives a freshly loaded block the values and operators that were stored for it. */
  static void restore(
      Block block, Map<String, PackedTensor> tensors, Map<String, SiteOps> operators) {
    for (String name : List.copyOf(block.parameterNames())) {
      PackedTensor stored = tensors.get(name);
      if (stored != null) {
        Torch.run(() -> block.setParameter(name, Torch.fromPacked(stored, ScalarType.Float)));
      }
    }
    for (String site : block.stateNames()) {
      SiteOps ops = operators.getOrDefault(site, SiteOps.NONE);
      SiteState state = block.state(site);
      state.transforms().clear();
      state.transforms().addAll(ops.onlineTransforms());
      state.inputQuant(ops.inputQuant().orElse(null));
    }
    for (Site site : block.sites()) {
      PackedTensor stored = tensors.get(TensorNames.weight(site.name()));
      if (stored != null && !(stored instanceof DenseTensor)) {
        block.state(site.name()).packed(stored);
      }
    }
  }

  /**
   * Turns every block into stored tensors again, as the plan says.
   *
   * @param model as {@link #restore} made it, changed since
   * @param plan sizes and types that were stored
   * @param arena owns tensors that stay plain
   * @param events what was recorded so far; gets what sealing has to say
   */
  public static SealedBlock seal(
      ResidentModel model, Map<String, PlannedTensor> plan, Arena arena, CollectedEvents events) {
    Map<String, PackedTensor> tensors = new TreeMap<>();
    Map<String, Long> values = new TreeMap<>();
    for (Block block : model.blocks()) {
      Map<String, PackedTensor> sealed = new Sealer(plan, arena, events).seal(block);
      tensors.putAll(sealed);
      sealed.keySet().forEach(name -> values.put(name, Sealer.simulated(block, name)));
    }
    return new SealedBlock(
        tensors, Map.of(), values, events.solvedSites(), events.events(), Map.of());
  }
}

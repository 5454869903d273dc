package dev.nibble.compress.transform;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.core.NibbleException;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** The calibration tokens with the largest values, where a stage reads them. */
final class PeakTokens {
  private PeakTokens() {}

  /**
   * Runs all calibration batches through the block.
   *
   * @param count tokens of a stage, about: as many of every batch
   * @return {@code [tokens, in]} by name of the stage's first site; the caller frees them; a stage
   *     that saw no token is absent
   * @throws NibbleException when an input holds a value that is not finite
   */
  static Map<String, Tensor> gather(BlockTask task, int count) {
    List<Map<String, Tensor>> seen = new ArrayList<>();
    for (int b = 0; b < task.batches(); b++) {
      seen.add(new HashMap<>());
    }
    List<String> leads =
        task.block().stages().stream()
            .map(Stage::sites)
            .map(List::getFirst)
            .map(Site::name)
            .toList();
    int perBatch = Math.max(1, Math.ceilDiv(count, task.batches()));
    task.workers()
        .forEach(
            seen.size(),
            batch ->
                CalibrationRun.observe(
                    task,
                    batch,
                    (site, x) -> {
                      if (leads.contains(site) && x.numel() > 0) {
                        seen.get(batch).put(site, Torch.keep(peaks(site, x, perBatch)));
                      }
                    }));
    Map<String, Tensor> out = new LinkedHashMap<>();
    for (String lead : leads) {
      Tensor[] parts =
          seen.stream().map(m -> m.get(lead)).filter(p -> p != null).toArray(Tensor[]::new);
      if (parts.length > 0) {
        out.put(lead, Torch.owned(() -> torch.cat(new TensorVector(parts), 0)));
        for (Tensor part : parts) {
          part.close();
        }
      }
    }
    return out;
  }

  private static Tensor peaks(String site, Tensor x, int count) {
    return Torch.scope(
        () -> {
          Tensor flat = x.detach().reshape(-1, x.size(-1));
          if (!torch.isfinite(flat).all().item_bool()) {
            throw new NibbleException(
                site
                    + ": its calibration input is not finite; check the model's weights and use"
                    + " other calibration text",
                NibbleException.BAD_INPUT,
                null);
          }
          Tensor largest = flat.abs().amax(new long[] {1}, false);
          Tensor order = torch.argsort(largest, true, 0, true);
          return flat.index_select(0, order.narrow(0, 0, Math.min(count, flat.size(0)))).clone();
        });
  }
}

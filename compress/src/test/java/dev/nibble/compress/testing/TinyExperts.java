package dev.nibble.compress.testing;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.BlockContext;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Routing;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Small mixtures of experts: Llama of width 32 with two layers of them. */
public final class TinyExperts {
  private TinyExperts() {}

  /** Mixtral-like. */
  public static MoeConfig moe(int experts, int topK) {
    return new MoeConfig(
        experts, topK, 24, 0, false, MoeConfig.Scoring.SOFTMAX, true, 1, List.of());
  }

  /** Qwen2-MoE-like. */
  public static MoeConfig shared(int experts, int topK) {
    return new MoeConfig(
        experts, topK, 24, 40, true, MoeConfig.Scoring.SOFTMAX, false, 1, List.of());
  }

  /** Llama with Mixtral's experts. */
  public static ModelConfig config(int experts, int topK) {
    return TinyFamilies.llama().withMoe(moe(experts, topK));
  }

  /** Random weights. */
  public static InMemoryWeights weights(ModelConfig config, long seed) {
    return TinyFamilies.weights(config, seed);
  }

  /** The same model where the router's row of an expert makes that no token goes to it. */
  public static InMemoryWeights banish(InMemoryWeights weights, int expert) {
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    for (String name : weights.names()) {
      PackedTensor tensor = weights.tensor(name);
      if (name.endsWith(TensorNames.ROUTER + ".weight")) {
        // the mean of all others lies below the largest of them, whatever the input
        float[] w = tensor.toFloats();
        int n = tensor.columns();
        int rows = w.length / n;
        for (int c = 0; c < n; c++) {
          float sum = 0;
          for (int r = 0; r < rows; r++) {
            sum += r == expert ? 0 : w[r * n + c];
          }
          w[expert * n + c] = sum / (rows - 1);
        }
        tensor = DenseTensor.of(w, rows, n);
      }
      tensors.put(name, tensor);
    }
    return new InMemoryWeights(weights.config(), tensors, Map.of());
  }

  /** The model in memory. */
  public static ResidentModel load(InMemoryWeights weights) {
    return DecoderModel.open(weights).loadAll();
  }

  /** Experts that each token goes to in each layer, best last or first but always sorted. */
  public static List<List<Long>> choices(ResidentModel model, int[][] tokens) {
    MoeConfig moe = model.config().moe();
    List<List<Long>> out = new ArrayList<>();
    BlockContext context =
        new BlockContext(
            (site, x) -> {
              if (site.endsWith(TensorNames.ROUTER)) {
                Tensor w = model.parameters().get(TensorNames.weight(site));
                Tensor logits = torch.linear(x, w).view(-1, moe.experts());
                Routing routing = Routing.of(moe, logits, site);
                for (int t = 0; t < logits.size(0); t++) {
                  long[] chosen = routing.experts(t);
                  Arrays.sort(chosen);
                  out.add(Arrays.stream(chosen).boxed().toList());
                }
              }
            });
    Torch.noGrad(() -> model.hidden(Torch.tokens(tokens), context)).close();
    return out;
  }

  /** Runs something on the task of the first layer. */
  public static void onBlock(InMemoryWeights weights, int[][] tokens, Consumer<BlockTask> action) {
    Step step =
        new Step() {
          @Override
          public Needs needs() {
            return Needs.INPUTS;
          }

          @Override
          public void apply(BlockTask task) {
            if (task.block().name().equals(TensorNames.layer(0))) {
              action.accept(task);
            }
          }
        };
    new TinyRun(weights, tokens, new RecordedEvents(), 2).apply(step).close();
  }
}

package dev.nibble.models;

import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * All blocks of a model in memory at once: what training and reference evaluation run. A tied head
 * shares the embedding's storage, so its gradient reaches the embedding.
 */
public final class ResidentModel implements AutoCloseable {
  private static final String EMBEDDING = TensorNames.weight(TensorNames.EMBEDDING);
  private static final String HEAD = TensorNames.weight(TensorNames.HEAD);

  private final ModelConfig config;
  private final List<Block> blocks;

  private ResidentModel(ModelConfig config, List<Block> blocks) {
    this.config = config;
    this.blocks = List.copyOf(blocks);
    shareTiedHead();
  }

  /** Loads every block of {@code model} with the rewrites installed so far. */
  public static ResidentModel load(Model model) {
    List<Block> blocks = new ArrayList<>();
    try {
      for (BlockHandle handle : model.blocks()) {
        blocks.add(handle.load());
      }
      return new ResidentModel(model.config(), blocks);
    } catch (RuntimeException | Error e) {
      blocks.forEach(Block::close);
      throw e;
    }
  }

  /**
   * A model of loaded blocks, which it takes over.
   *
   * @param config the architecture they were loaded with
   * @param blocks embedding, decoder blocks, head
   */
  public static ResidentModel of(ModelConfig config, List<Block> blocks) {
    return new ResidentModel(config, blocks);
  }

  private void shareTiedHead() {
    if (config.tiedHead()) {
      Torch.run(
          () ->
              blocks
                  .getLast()
                  .setParameter(HEAD, new Tensor(blocks.getFirst().parameter(EMBEDDING))));
    }
  }

  /** Architecture. */
  public ModelConfig config() {
    return config;
  }

  /** Embedding, decoder blocks, head. */
  public List<Block> blocks() {
    return blocks;
  }

  /**
   * Parameters by canonical name, each once: a tied head has none of its own. The tensors are the
   * live ones and belong to the blocks.
   */
  public Map<String, Tensor> parameters() {
    Map<String, Tensor> out = new LinkedHashMap<>();
    for (Block block : blocks) {
      for (String name : block.parameterNames()) {
        if (!(config.tiedHead() && name.equals(HEAD))) {
          out.put(name, block.parameter(name));
        }
      }
    }
    return Collections.unmodifiableMap(out);
  }

  /** Replaces a parameter, in both places for a tied embedding; takes ownership of the value. */
  public void setParameter(String name, Tensor value) {
    for (Block block : blocks) {
      if (block.parameterNames().contains(name)) {
        block.setParameter(name, value);
        if (name.equals(EMBEDDING)) {
          shareTiedHead();
        }
        return;
      }
    }
    throw new IllegalArgumentException("the model has no parameter " + name);
  }

  /** Turns gradients of all parameters on or off. */
  public void requireGradients(boolean required) {
    Torch.run(() -> parameters().values().forEach(p -> p.set_requires_grad(required)));
  }

  /**
   * Logits {@code [batch, seq, vocab]} of tokens {@code int64 [batch, seq]}; differentiable.
   *
   * @return a new tensor of the enclosing scope, or of the caller when there is none
   */
  public Tensor forward(Tensor tokens, BlockContext context) {
    return Torch.scope(() -> blocks.getLast().forward(hidden(tokens, context), context));
  }

  /** Residual stream before the head, {@code [batch, seq, hidden]}. */
  public Tensor hidden(Tensor tokens, BlockContext context) {
    return Torch.scope(
        () -> {
          Tensor x = blocks.getFirst().forward(tokens, context);
          for (Block block : blocks.subList(1, blocks.size() - 1)) {
            Tensor next = block.forward(x, context);
            x.close();
            x = next;
          }
          return x;
        });
  }

  /** A copy of the parameters as F32 tensors on the heap, with the sites' run-time operators. */
  public InMemoryWeights snapshot() {
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    parameters()
        .forEach((name, p) -> tensors.put(name, DenseTensor.of(Torch.toFloats(p), Torch.shape(p))));
    Map<String, SiteOps> ops = new LinkedHashMap<>();
    for (Block block : blocks) {
      for (String site : block.stateNames()) {
        SiteOps siteOps = block.state(site).ops();
        if (!siteOps.isPlain()) {
          ops.put(site, siteOps);
        }
      }
    }
    return new InMemoryWeights(config, tensors, ops);
  }

  @Override
  public void close() {
    blocks.forEach(Block::close);
  }
}

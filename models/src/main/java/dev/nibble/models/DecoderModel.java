package dev.nibble.models;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.PackedTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A decoder-only transformer of any family that {@link ModelConfig} describes, read block by block
 * from {@link ModelWeights}. Opening reads nothing; the weights stay the caller's to close, after
 * the model and its blocks.
 *
 * <p>The head block's weight is always named {@code lm_head.weight}; while the configuration says
 * {@code tiedHead} its values are those of the embedding.
 */
public final class DecoderModel implements Model {
  private final ModelWeights weights;
  private final List<Installed> rewrites = new ArrayList<>();
  private final Map<String, List<OnlineTransform>> transforms = new LinkedHashMap<>();
  private ModelConfig config;
  private List<Attention> attention;

  /** A rewrite, and the name under which it sees the head's weight. */
  private record Installed(Rewrite rewrite, String headName) {}

  private DecoderModel(ModelWeights weights) {
    this.weights = weights;
    this.config = weights.config();
    this.attention = Attention.of(config);
  }

  /**
   * Opens a model; run-time operators that the weights carry ({@link ModelWeights#siteOps}) are put
   * on their sites.
   */
  public static DecoderModel open(ModelWeights weights) {
    return new DecoderModel(weights);
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public List<BlockHandle> blocks() {
    List<BlockHandle> out = new ArrayList<>();
    out.add(new Handle("embedding", BlockHandle.Kind.EMBEDDING, -1));
    for (int layer = 0; layer < config.layers(); layer++) {
      out.add(new Handle(TensorNames.layer(layer), BlockHandle.Kind.DECODER, layer));
    }
    out.add(new Handle("head", BlockHandle.Kind.HEAD, -1));
    return List.copyOf(out);
  }

  @Override
  public void install(Rewrite rewrite, ModelConfig after) {
    String module = after.tiedHead() ? TensorNames.EMBEDDING : TensorNames.HEAD;
    rewrites.add(new Installed(rewrite, TensorNames.weight(module)));
    config = after;
    attention = Attention.of(after);
  }

  @Override
  public void installTransform(String site, OnlineTransform transform) {
    transforms.computeIfAbsent(site, s -> new ArrayList<>()).add(transform);
  }

  /** Reads every block, for training or whole-model evaluation. */
  public ResidentModel loadAll() {
    return ResidentModel.load(this);
  }

  /** Nothing is held between blocks; the weights belong to the caller. */
  @Override
  public void close() {}

  /** One block, unread. */
  private final class Handle implements BlockHandle {
    private final String name;
    private final Kind kind;
    private final int layer;

    Handle(String name, Kind kind, int layer) {
      this.name = name;
      this.kind = kind;
      this.layer = layer;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public Kind kind() {
      return kind;
    }

    @Override
    public Map<String, long[]> shapes() {
      return switch (kind) {
        case EMBEDDING -> TensorLayout.embedding(config);
        case DECODER -> TensorLayout.layer(config, layer);
        case HEAD -> TensorLayout.head(config);
      };
    }

    private BlockStructure structure() {
      return switch (kind) {
        case EMBEDDING -> BlockStructure.embedding(config);
        case DECODER -> BlockStructure.layer(config, layer);
        case HEAD -> BlockStructure.head(config);
      };
    }

    @Override
    public List<Site> sites() {
      return structure().sites();
    }

    @Override
    public List<Stage> stages() {
      return structure().stages();
    }

    @Override
    public long residentBytes() {
      return shapes().values().stream().mapToLong(DecoderModel::bytes).sum();
    }

    @Override
    public Block load() {
      Map<String, Tensor> parameters = read(shapes());
      LoadedBlock block =
          switch (kind) {
            case EMBEDDING -> new EmbeddingBlock(config, parameters);
            case DECODER -> new LayerBlock(layer, config, attention.get(layer), parameters);
            case HEAD -> new HeadBlock(config, parameters);
          };
      for (String site : block.stateNames()) {
        SiteState state = block.state(site);
        SiteOps stored = weights.siteOps().getOrDefault(site, SiteOps.NONE);
        state.ops(stored);
        state.transforms().addAll(transforms.getOrDefault(site, List.of()));
      }
      return block;
    }
  }

  private static long bytes(long[] shape) {
    return Arrays.stream(shape).reduce(Float.BYTES, Math::multiplyExact);
  }

  private Map<String, Tensor> read(Map<String, long[]> layout) {
    Map<String, Tensor> out = new LinkedHashMap<>();
    try {
      layout.forEach((name, shape) -> out.put(name, read(name, shape)));
      return out;
    } catch (RuntimeException | Error e) {
      out.values().forEach(Tensor::close);
      throw e;
    }
  }

  /** The tensor as fp32 with all rewrites applied in fp64, out of every scope. */
  private Tensor read(String name, long[] shape) {
    boolean head = name.equals(TensorNames.weight(TensorNames.HEAD));
    return Torch.owned(
        () -> {
          if (rewrites.isEmpty()) {
            return source(name, shape, ScalarType.Float);
          }
          Tensor value = source(name, shape, ScalarType.Double);
          for (Installed installed : rewrites) {
            value = installed.rewrite().apply(head ? installed.headName() : name, value);
          }
          return value.to(ScalarType.Float);
        });
  }

  /**
   * The stored tensor. A bias that only a rewrite brings in starts as zeros, such a norm gain as
   * ones.
   */
  private Tensor source(String name, long[] shape, ScalarType type) {
    boolean sharedHead =
        name.equals(TensorNames.weight(TensorNames.HEAD)) && weights.config().tiedHead();
    String stored = sharedHead ? TensorNames.weight(TensorNames.EMBEDDING) : name;
    boolean added = !weights.names().contains(stored) && !asked(stored);
    if (added) {
      float[] values = new float[Math.toIntExact(bytes(shape) / Float.BYTES)];
      Arrays.fill(values, name.endsWith(".weight") ? 1f : 0f);
      return Torch.fromFloats(values, shape).to(type);
    }
    PackedTensor packed = weights.tensor(stored);
    if (!Arrays.equals(packed.shape(), shape)) {
      throw new NibbleException(
          "tensor "
              + stored
              + " has shape "
              + Arrays.toString(packed.shape())
              + " but the model's configuration asks for "
              + Arrays.toString(shape)
              + "; check config.json against the weights",
          NibbleException.BAD_INPUT,
          null);
    }
    return Torch.fromPacked(packed, type);
  }

  private boolean asked(String name) {
    return TensorLayout.all(weights.config()).containsKey(name);
  }
}

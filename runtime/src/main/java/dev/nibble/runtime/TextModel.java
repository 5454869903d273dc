package dev.nibble.runtime;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.runtime.decoder.Network;
import dev.nibble.runtime.decoder.NetworkLoader;
import dev.nibble.runtime.decoder.Sequence;
import dev.nibble.runtime.kernel.KernelSet;
import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;

/**
 * A decoder language model ready to run. Weights stay as they are stored; working memory and
 * threads are shared by its sessions, which take turns.
 */
public final class TextModel implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("dev.nibble.runtime");

  private final ModelWeights weights;
  private final RuntimeOptions options;
  private final Network network;
  private final Team team;
  private final Products products;

  private TextModel(ModelWeights weights, RuntimeOptions options, KernelSet kernels) {
    this.weights = weights;
    this.options = options;
    this.network = NetworkLoader.load(weights, kernels);
    this.team = new Team(options.threads());
    this.products = new Products(team, network.widest());
    LOG.log(
        System.Logger.Level.DEBUG,
        () ->
            "model="
                + config().family()
                + " threads="
                + options.threads()
                + " kernels="
                + kernels());
  }

  /**
   * Binds an opened model to the standard kernels and takes it over: {@link #close} closes it.
   *
   * @throws NibbleException when a tensor is missing or has the wrong shape
   */
  public static TextModel of(ModelWeights weights, RuntimeOptions options) {
    return new TextModel(weights, options, KernelSet.standard());
  }

  /** Architecture. */
  public ModelConfig config() {
    return network.config();
  }

  /** Stored types with the kernel that runs each and the number of matrices, for logs. */
  public String kernels() {
    return network.kernels().toString();
  }

  /** Bytes of weights read to decode one token. */
  public long bytesPerToken() {
    return network.bytesPerToken();
  }

  /** Longest session. */
  public int contextLength() {
    int trained = config().maxPositions();
    if (options.contextLength() == 0) {
      return trained;
    }
    if (config().positions() == ModelConfig.Positions.LEARNED
        && options.contextLength() > trained) {
      throw new NibbleException(
          "the model has "
              + trained
              + " learned positions and cannot run with a context of "
              + options.contextLength());
    }
    return options.contextLength();
  }

  /** A new, empty session. */
  public Session newSession() {
    return new Session(products, sequence(), options.chunk(), config().vocabSize());
  }

  /** The view that evaluation needs, with its own cache. */
  public LanguageModel asLanguageModel() {
    return new PrefillModel(products, sequence(), options.chunk(), config().vocabSize());
  }

  private Sequence sequence() {
    return new Sequence(network, products, options.cache(), contextLength());
  }

  /** Ends the threads and closes the weights. */
  @Override
  public void close() {
    team.close();
    weights.close();
  }
}

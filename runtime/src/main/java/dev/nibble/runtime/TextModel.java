package dev.nibble.runtime;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.token.Tokenizer;
import dev.nibble.runtime.decoder.Network;
import dev.nibble.runtime.decoder.NetworkLoader;
import dev.nibble.runtime.decoder.Sequence;
import dev.nibble.runtime.kernel.KernelSet;
import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A decoder language model ready to run. Weights stay as they are stored; working memory and
 * threads are shared by its sessions, which take turns.
 */
public final class TextModel implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("dev.nibble.runtime");

  private final ModelWeights weights;
  private final Optional<OpenedModel> source;
  private final RuntimeOptions options;
  private final Network network;
  private final Team team;
  private final Products products;

  private TextModel(
      ModelWeights weights,
      Optional<OpenedModel> source,
      RuntimeOptions options,
      KernelSet kernels) {
    if (weights.config().encoder().present()) {
      throw new NibbleException(
          "a model of family '"
              + weights.config().family()
              + "' is an encoder and writes no text; use embed for its vectors",
          NibbleException.BAD_INPUT,
          null);
    }
    this.weights = weights;
    this.source = source;
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
    return new TextModel(weights, Optional.empty(), options, KernelSet.standard());
  }

  /**
   * Opens a model directory or GGUF file with {@link RuntimeOptions#DEFAULT}.
   *
   * @throws NibbleException when it is missing, damaged or of an unsupported kind
   */
  public static TextModel load(Path path) {
    return load(path, RuntimeOptions.DEFAULT);
  }

  /** As {@link #load(Path)} with other options. */
  public static TextModel load(Path path, RuntimeOptions options) {
    OpenedModel opened = OpenedModel.open(path);
    try {
      return new TextModel(opened.weights(), Optional.of(opened), options, KernelSet.standard());
    } catch (RuntimeException | Error e) {
      opened.close();
      throw e;
    }
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

  /**
   * The tokenizer that came with the model.
   *
   * @throws NibbleException when there is none
   */
  public Tokenizer tokenizer() {
    return source
        .orElseThrow(
            () -> new NibbleException("this model was opened from bare weights, without tokenizer"))
        .tokenizer();
  }

  /**
   * Continues a text in a session of its own.
   *
   * @param onText receives the new text piece by piece
   * @throws NibbleException when the model has no tokenizer or the prompt does not fit the context
   */
  public Generated generate(String prompt, GenerateOptions options, Consumer<String> onText) {
    int[] ids = tokenizer().encode(prompt, true);
    return new Generator(newSession(), tokenizer(), ends(), options, onText).run(ids);
  }

  /** As the other, without watching. */
  public Generated generate(String prompt, GenerateOptions options) {
    return generate(prompt, options, text -> {});
  }

  /**
   * A new chat, or nothing when the model has no chat template.
   *
   * @throws NibbleException when the model has no tokenizer
   */
  public Optional<Conversation> conversation() {
    Tokenizer tokenizer = tokenizer();
    return source
        .flatMap(OpenedModel::chatTemplate)
        .map(template -> new Conversation(newSession(), tokenizer, template, ends()));
  }

  /** Tokens that end a text: the model's and the tokenizer's. */
  private Set<Integer> ends() {
    Set<Integer> ends = new HashSet<>(config().eosIds());
    ends.addAll(tokenizer().eosIds());
    return ends;
  }

  private Sequence sequence() {
    return new Sequence(network, products, options.cache(), contextLength());
  }

  /** Ends the threads and closes the weights. */
  @Override
  public void close() {
    team.close();
    source.ifPresentOrElse(OpenedModel::close, weights::close);
  }
}

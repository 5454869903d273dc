package dev.nibble.runtime;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.token.Tokenizer;
import dev.nibble.runtime.decoder.ForwardPass;
import dev.nibble.runtime.decoder.KvKind;
import dev.nibble.runtime.decoder.KvKinds;
import dev.nibble.runtime.decoder.Network;
import dev.nibble.runtime.decoder.NetworkLoader;
import dev.nibble.runtime.decoder.Sequence;
import dev.nibble.runtime.emit.EmittedFloats;
import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A decoder language model ready to run. Weights stay as they are stored; working memory and
 * threads are shared by its sessions, which take turns or run together in a {@link Batch}.
 */
public final class TextModel implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("dev.nibble.runtime");

  private final ModelWeights weights;
  private final Optional<OpenedModel> source;
  private final RuntimeOptions options;
  private final ForwardPass exact;
  private final Team team;
  private final Products products;

  /** What sessions run on; bound when the first one is made, as packing takes time and memory. */
  private ForwardPass fast;

  private TextModel(ModelWeights weights, Optional<OpenedModel> source, RuntimeOptions options) {
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
    Network network = NetworkLoader.load(weights, Activations.FP32.kernels());
    this.team = new Team(options.threads());
    this.products = new Products(team, network.widest(), EmittedFloats.orVector());
    this.exact = new ForwardPass(network, products);
  }

  private synchronized ForwardPass fast() {
    if (fast == null) {
      fast =
          options.activations() == Activations.FP32
              ? exact
              : new ForwardPass(
                  NetworkLoader.load(weights, options.activations().kernels()), products);
      LOG.log(
          System.Logger.Level.DEBUG,
          () ->
              "model="
                  + config().family()
                  + " threads="
                  + options.threads()
                  + " kernels="
                  + fast.network().kernels());
    }
    return fast;
  }

  /**
   * Binds an opened model to the standard kernels and takes it over: {@link #close} closes it.
   *
   * @throws NibbleException when a tensor is missing or has the wrong shape
   */
  public static TextModel of(ModelWeights weights, RuntimeOptions options) {
    return new TextModel(weights, Optional.empty(), options);
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
      return new TextModel(opened.weights(), Optional.of(opened), options);
    } catch (RuntimeException | Error e) {
      opened.close();
      throw e;
    }
  }

  /** Architecture. */
  public ModelConfig config() {
    return exact.network().config();
  }

  /** Stored types with the kernel that runs each and the number of matrices, for logs. */
  public String kernels() {
    return fast().network().kernels().toString();
  }

  /** Bytes of weights read to decode one token. */
  public long bytesPerToken() {
    return fast().network().bytesPerToken();
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
    ForwardPass pass = fast();
    return new Session(pass, sequence(pass), options.chunk(), config().vocabSize());
  }

  /** A new batch for sessions of this model, without any. */
  public Batch newBatch() {
    return new Batch(fast(), options.chunk(), config().vocabSize());
  }

  /**
   * The view that evaluation needs, with activations and a cache of its own in single precision: it
   * measures what the weights are worth, whatever the machine and the options.
   */
  public LanguageModel asLanguageModel() {
    return view(exact, KvKinds.of(KvKind.FP32));
  }

  /** As {@link #asLanguageModel}, but with the arithmetic and the kind of cache of the sessions. */
  public LanguageModel asSessionsRun() {
    return view(fast(), options.cache());
  }

  /** As sessions run for {@link Activations#INT8}, else as evaluation does. */
  public LanguageModel asLanguageModel(Activations activations) {
    return activations == Activations.INT8 ? asSessionsRun() : asLanguageModel();
  }

  private LanguageModel view(ForwardPass pass, KvKinds cache) {
    Sequence sequence = pass.newSequence(cache, contextLength());
    return new PrefillModel(pass, sequence, options.chunk(), config().vocabSize());
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

  private Sequence sequence(ForwardPass pass) {
    return pass.newSequence(options.cache(), contextLength());
  }

  /** Ends the threads and closes the weights. */
  @Override
  public void close() {
    team.close();
    source.ifPresentOrElse(OpenedModel::close, weights::close);
  }
}

package dev.nibble.runtime;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.Encoder;
import dev.nibble.core.model.EncoderConfig;
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
import dev.nibble.runtime.kernel.KernelSet;
import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * A model that gives vectors of texts, ready to run: an encoder, or a decoder's vectors before its
 * head. Weights stay as they are stored. Texts are run one after the other, without padding, an
 * encoder's whole and a decoder's in chunks. For one thread at a time.
 */
public final class TextEncoder implements Encoder {
  private final ModelWeights weights;
  private final Optional<OpenedModel> source;
  private final Network network;
  private final Team team;
  private final ForwardPass pass;
  private final Sequence sequence;
  private final int chunk;

  private TextEncoder(ModelWeights weights, Optional<OpenedModel> source, RuntimeOptions options) {
    this.weights = weights;
    this.source = source;
    this.network = NetworkLoader.load(weights, KernelSet.standard());
    this.team = new Team(options.threads());
    Products products = new Products(team, network.widest(), EmittedFloats.orVector());
    this.pass = new ForwardPass(network, products);
    this.sequence = pass.newSequence(KvKinds.of(KvKind.FP32), weights.config().maxPositions());
    this.chunk = config().encoder().present() ? config().maxPositions() : options.chunk();
  }

  /**
   * Binds an opened model and takes it over: {@link #close} closes it.
   *
   * @throws NibbleException when a tensor is missing or has the wrong shape
   */
  public static TextEncoder of(ModelWeights weights, RuntimeOptions options) {
    return new TextEncoder(weights, Optional.empty(), options);
  }

  /**
   * Opens a model directory or GGUF file.
   *
   * @throws NibbleException when it is missing, damaged or of an unsupported kind
   */
  public static TextEncoder load(Path path, RuntimeOptions options) {
    OpenedModel opened = OpenedModel.open(path);
    try {
      return new TextEncoder(opened.weights(), Optional.of(opened), options);
    } catch (RuntimeException | Error e) {
      opened.close();
      throw e;
    }
  }

  @Override
  public ModelConfig config() {
    return network.config();
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
   * A text's vector; one that is too long is cut, its closing special token kept.
   *
   * @return {@code [hidden]} of length 1
   */
  public float[] embed(String text) {
    return embed(text, config().encoder().pooling());
  }

  /** As the other, pooled in a way of the caller's. */
  public float[] embed(String text, EncoderConfig.Pooling pooling) {
    return embed(cut(tokenizer().encode(text, true), config().maxPositions()), pooling);
  }

  /** The first {@code most} tokens, the last of them replaced by the text's last. */
  public static int[] cut(int[] tokens, int most) {
    if (tokens.length <= most) {
      return tokens;
    }
    int[] out = Arrays.copyOf(tokens, most);
    out[most - 1] = tokens[tokens.length - 1];
    return out;
  }

  @Override
  public float[] hidden(int[] tokens) {
    int width = pass.hiddenWidth();
    float[] out = new float[tokens.length * width];
    start(tokens);
    for (int at = 0; at < tokens.length; at += chunk) {
      int count = Math.min(chunk, tokens.length - at);
      run(tokens, at, count);
      pass.hidden(count, out, at * width);
    }
    return out;
  }

  @Override
  public float[] head(int[] tokens) {
    EncoderConfig encoder = config().encoder();
    if (encoder.head() == EncoderConfig.Head.NONE) {
      throw new NibbleException("the encoder has no head; use its vectors");
    }
    start(tokens);
    run(tokens, 0, tokens.length);
    boolean each = encoder.head() == EncoderConfig.Head.MASKED_LM;
    int rows = each ? tokens.length : 1;
    float[] out = new float[rows * (each ? config().vocabSize() : encoder.labels())];
    pass.head(0, rows, out);
    return out;
  }

  private void start(int[] tokens) {
    if (tokens.length == 0) {
      throw new NibbleException("a text needs at least one token");
    }
    sequence.truncate(0);
    sequence.check(tokens, 0, tokens.length);
  }

  private void run(int[] tokens, int at, int count) {
    pass.begin().add(sequence, tokens, at, count, tokens.length, false, () -> false);
    pass.run();
  }

  /** Ends the threads and closes the weights. */
  @Override
  public void close() {
    team.close();
    source.ifPresentOrElse(OpenedModel::close, weights::close);
  }
}

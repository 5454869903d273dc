package dev.nibble.io.model;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.progress.Progress;
import dev.nibble.io.file.DiskTrouble;
import dev.nibble.io.gguf.GgufFile;
import dev.nibble.io.gguf.GgufModel;
import dev.nibble.io.gguf.GgufTokenizer;
import dev.nibble.io.gguf.GgufValue;
import dev.nibble.io.gguf.GgufWriter;
import dev.nibble.io.safetensors.ShardedSafetensors;
import dev.nibble.io.token.ChatTemplate;
import dev.nibble.io.token.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Any model on disk: a Hugging Face directory, an artefact of Nibble, or a GGUF file. Opening
 * checks all headers and shapes; closing invalidates every tensor.
 */
public final class OpenedModel implements AutoCloseable {
  /** Tokenizer of an artefact that was made from a GGUF file. */
  private static final String GGUF_TOKENIZER = "tokenizer.gguf";

  /** Files beside the weights that a model consists of, and that an artefact takes over. */
  private static final List<String> COMPANIONS =
      List.of(
          HfConfig.NAME,
          HfConfig.GENERATION,
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "vocab.json",
          "vocab.txt",
          "merges.txt",
          "tokenizer.model",
          "chat_template.jinja",
          "chat_template.json",
          GGUF_TOKENIZER);

  /** Format on disk. */
  public enum Kind {
    /** Directory with config.json and safetensors. */
    HUGGING_FACE,
    /** Directory with nibble.json. */
    NIBBLE,
    /** GGUF file. */
    GGUF
  }

  private final Path path;
  private final Kind kind;
  private final ModelWeights weights;
  private final List<Path> files;
  private Tokenizer tokenizer;

  private OpenedModel(Path path, Kind kind, ModelWeights weights, List<Path> files) {
    this.path = path;
    this.kind = kind;
    this.weights = weights;
    this.files = List.copyOf(files);
  }

  /**
   * Opens a model of any kind.
   *
   * @param path directory, or GGUF file
   * @throws ModelFormatException when there is no model, or it is damaged or not supported
   */
  public static OpenedModel open(Path path) {
    Kind kind = kindOf(path);
    List<Path> files = new ArrayList<>();
    ModelWeights weights =
        switch (kind) {
          case GGUF -> {
            files.add(path);
            yield GgufModel.open(path);
          }
          case NIBBLE -> {
            files.add(path.resolve(NibbleArtefact.MANIFEST));
            files.add(path.resolve(NibbleArtefact.WEIGHTS));
            files.addAll(companions(path));
            yield NibbleArtefact.open(path);
          }
          case HUGGING_FACE -> {
            HuggingFaceModel model = HuggingFaceModel.open(path);
            files.addAll(model.weightFiles());
            files.addAll(companions(path));
            yield model;
          }
        };
    return new OpenedModel(path, kind, weights, files);
  }

  /**
   * What kind of model lies at {@code path}, by the names of its files.
   *
   * @throws ModelFormatException when it is none that Nibble reads, with what to do
   */
  public static Kind kindOf(Path path) {
    if (Files.isRegularFile(path)) {
      if (path.getFileName().toString().endsWith(".gguf")) {
        return Kind.GGUF;
      }
      throw new ModelFormatException(
          path, "", "is a file but no .gguf; give the directory that holds config.json instead");
    }
    if (!Files.isDirectory(path)) {
      throw new ModelFormatException(path, "", "there is no such file or directory");
    }
    if (Files.exists(path.resolve(NibbleArtefact.MANIFEST))) {
      return Kind.NIBBLE;
    }
    if (!Files.exists(path.resolve(HfConfig.NAME))) {
      throw new ModelFormatException(
          path, "", "is no model: neither nibble.json nor config.json is in it" + ggufIn(path));
    }
    if (!ShardedSafetensors.isPresent(path)) {
      throw new ModelFormatException(
          path,
          ShardedSafetensors.SINGLE,
          "the weights are missing (pickled .bin files are not read, convert them to safetensors)");
    }
    return Kind.HUGGING_FACE;
  }

  private static String ggufIn(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".gguf"))
          .sorted()
          .findFirst()
          .map(name -> "; it holds " + name + ", give that file itself")
          .orElse("");
    } catch (IOException e) {
      throw DiskTrouble.reading(directory, e);
    }
  }

  /** Names of the files beside the weights that a model may consist of. */
  public static List<String> companionNames() {
    return COMPANIONS;
  }

  /** Files of a model directory other than its weights that are there: config and tokenizer. */
  public static List<Path> companions(Path directory) {
    try (Stream<Path> names = COMPANIONS.stream().map(directory::resolve)) {
      return names.filter(Files::isRegularFile).toList();
    }
  }

  /** Where the model was opened. */
  public Path path() {
    return path;
  }

  /** Format on disk. */
  public Kind kind() {
    return kind;
  }

  /** Configuration and tensors; closed with this model. */
  public ModelWeights weights() {
    return weights;
  }

  /**
   * The model's tokenizer, read when first asked for.
   *
   * @throws ModelFormatException when its files are missing, damaged or of an unsupported kind
   */
  public synchronized Tokenizer tokenizer() {
    if (tokenizer == null) {
      tokenizer = fromGguf(Tokenizer::fromGguf).orElseGet(() -> Tokenizer.fromDirectory(path));
    }
    return tokenizer;
  }

  /**
   * The model's chat template; empty when it has none.
   *
   * @throws ModelFormatException when it is damaged
   */
  public Optional<ChatTemplate> chatTemplate() {
    return fromGguf(ChatTemplate::fromGguf).orElseGet(() -> ChatTemplate.fromDirectory(path));
  }

  /**
   * The tokenizer and chat template as GGUF metadata, for an export.
   *
   * @throws ModelFormatException when the files are damaged or of a kind that GGUF readers lack
   */
  public SequencedMap<String, GgufValue> ggufTokenizer() {
    return fromGguf(GgufTokenizer::fromGguf)
        .orElseGet(() -> GgufTokenizer.fromDirectory(path, weights.config()));
  }

  /** Reads from the GGUF file that holds the tokenizer; empty when it lies in other files. */
  private <T> Optional<T> fromGguf(Function<GgufFile, T> reader) {
    if (weights instanceof GgufModel gguf) {
      return Optional.of(reader.apply(gguf.file()));
    }
    Path file = path.resolve(GGUF_TOKENIZER);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try (GgufFile opened = GgufFile.open(file)) {
      return Optional.of(reader.apply(opened));
    }
  }

  /**
   * Puts everything but the weights into the directory of an artefact: configuration and tokenizer
   * files as they are; of a GGUF model its tokenizer keys, as a GGUF file without tensors.
   *
   * @throws dev.nibble.core.NibbleException when a file cannot be written
   */
  public void copyCompanions(Path target) {
    if (weights instanceof GgufModel gguf) {
      GgufWriter.write(
          target.resolve(GGUF_TOKENIZER),
          GgufTokenizer.fromGguf(gguf.file()),
          List.of(),
          Progress.SILENT);
      return;
    }
    for (Path file : companions(path)) {
      Path copy = target.resolve(file.getFileName());
      try {
        Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
      } catch (IOException e) {
        throw DiskTrouble.writing(copy, e);
      }
    }
  }

  /** All files that define the model: weights, configuration, tokenizer. For hashing. */
  public List<Path> files() {
    return files;
  }

  @Override
  public void close() {
    weights.close();
  }
}

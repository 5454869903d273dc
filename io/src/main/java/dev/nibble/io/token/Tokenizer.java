package dev.nibble.io.token;

import dev.nibble.core.ModelFormatException;
import dev.nibble.io.gguf.GgufFile;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * Translates between text and token ids. Implementations are immutable to their users and may be
 * used by several threads at once; results depend on the input alone.
 */
public interface Tokenizer {

  /** Highest id plus one; a model may have more rows in its embedding. */
  int vocabSize();

  /**
   * Ids of a text. Added tokens written out in the text (such as {@code <|im_end|>}) become their
   * own ids. Unpaired surrogates are read as U+FFFD.
   *
   * @param addSpecial whether to put the tokenizer's own frame (begin, end, CLS, SEP) around the
   *     text
   */
  int[] encode(String text, boolean addSpecial);

  /**
   * Text of a sequence of ids. Bytes that are not UTF-8 become U+FFFD.
   *
   * @param skipSpecial whether special tokens are left out of the text
   * @throws dev.nibble.core.NibbleException when an id is negative or at least {@link #vocabSize()}
   */
  String decode(int[] ids, boolean skipSpecial);

  /** Id that starts a text, -1 when the tokenizer names none. */
  int bosId();

  /**
   * Ids that end a text, as far as the tokenizer's own files name them; generation settings may
   * name more.
   */
  Set<Integer> eosIds();

  /** Id of a token's stored text (bytes and spaces in the tokenizer's own spelling). */
  Optional<Integer> idOf(String token);

  /**
   * Stored text of an id, empty for an id that no token uses.
   *
   * @throws dev.nibble.core.NibbleException when the id is negative or at least {@link
   *     #vocabSize()}
   */
  String token(int id);

  /** True for control tokens, which {@link #decode} leaves out on request. */
  boolean isSpecial(int id);

  /** A new decoder for ids that arrive one by one; special tokens give no text. */
  StreamDecoder streamDecoder();

  /**
   * Reads {@code tokenizer.json}, or {@code vocab.json} with {@code merges.txt}, or {@code
   * vocab.txt}, and {@code tokenizer_config.json} beside it when there is one.
   *
   * @throws ModelFormatException when the files are missing, damaged or of an unsupported kind
   */
  static Tokenizer fromDirectory(Path directory) {
    return DirectoryReader.read(directory);
  }

  /**
   * The tokenizer in a GGUF file's metadata ({@code tokenizer.ggml.*}).
   *
   * @throws ModelFormatException when the metadata is missing, damaged or of an unsupported kind
   */
  static Tokenizer fromGguf(GgufFile file) {
    return GgufReader.read(file);
  }
}

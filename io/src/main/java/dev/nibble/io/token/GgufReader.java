package dev.nibble.io.token;

import dev.nibble.core.ModelFormatException;
import dev.nibble.io.gguf.GgufFile;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Builds the chain that GGUF's {@code tokenizer.ggml.model} names: {@code gpt2} (byte-level BPE),
 * {@code llama} (SentencePiece BPE by scores), {@code bert} (WordPiece), {@code t5} (Unigram).
 */
final class GgufReader {
  private static final String PREFIX = "tokenizer.ggml.";
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;

  private final GgufFile file;
  private final Vocabulary vocabulary;
  private final int[] types;

  private GgufReader(GgufFile file) {
    this.file = file;
    List<String> tokens = list("tokens", String.class);
    if (tokens.isEmpty() || tokens.size() > Vocabulary.MAX_ID) {
      throw fault("tokens", "has " + tokens.size() + " tokens");
    }
    this.vocabulary = new Vocabulary(tokens.size());
    boolean bert = "bert".equals(file.string(PREFIX + "model").orElse(""));
    for (String token : tokens) {
      vocabulary.put(bert ? hugging(token) : token, vocabulary.size());
    }
    this.types = types(tokens.size());
  }

  static Tokenizer read(GgufFile file) {
    return new GgufReader(file).read();
  }

  private Tokenizer read() {
    String model =
        file.string(PREFIX + "model")
            .orElseThrow(() -> fault("model", "is missing: the file has no tokenizer"));
    int bos = id("bos_token_id");
    Set<Integer> ends = new LinkedHashSet<>();
    for (String role : List.of("eos_token_id", "eot_token_id", "eom_token_id")) {
      if (id(role) >= 0) {
        ends.add(id(role));
      }
    }
    Chain chain =
        switch (model) {
          case "gpt2" -> byteLevel();
          case "llama" -> sentencePiece();
          case "bert" -> wordPiece();
          case "t5" -> unigram();
          default -> throw fault("model", "'" + model + "' is none of gpt2, llama, bert and t5");
        };
    return new ChainTokenizer(chain, bos, ends);
  }

  private Chain byteLevel() {
    GgufSplits splits =
        GgufSplits.named(file.string(PREFIX + "pre").orElse("default"))
            .orElseThrow(
                () ->
                    fault(
                        "pre",
                        "'"
                            + file.string(PREFIX + "pre").orElse("")
                            + "' is not a splitting rule Nibble knows; use the model's Hugging"
                            + " Face directory instead"));
    List<String> rules = list("merges", String.class);
    PairTable merges = new PairTable(rules.size());
    for (int rank = 0; rank < rules.size(); rank++) {
      String rule = rules.get(rank);
      String where = "merges[" + rank + "]";
      int space = rule.indexOf(' ', 1);
      Merges.add(
          merges,
          vocabulary,
          rank,
          space < 0 ? null : rule.substring(0, space),
          rule.substring(space + 1),
          0,
          problem -> fault(where, problem));
    }
    BpeModel.Options options =
        new BpeModel.Options(false, splits.wholeWordsFirst(), -1, false, "", "");
    return new Chain(
        added(Normalizer.NONE),
        Normalizer.NONE,
        PreTokenizers.sequence(
            List.of(splits.preTokenizer(), PreTokenizers.byteLevel(false, false))),
        vocabulary,
        BpeModel.cached(vocabulary, merges, options),
        frame(splits.begins(), false),
        TokenDecoders::byteLevel);
  }

  private Chain sentencePiece() {
    boolean leadingSpace = flag("add_space_prefix", true);
    Normalizer spaces = text -> text.replace(" ", Metaspace.SPACE);
    Normalizer normalizer =
        leadingSpace
            ? Normalizers.sequence(List.of(Normalizers.prepend(Metaspace.SPACE), spaces))
            : spaces;
    List<TokenDecoder> decoders = new ArrayList<>();
    decoders.add(TokenDecoders.each(text -> text.replace(Metaspace.SPACE, " ")));
    decoders.add(TokenDecoders::byteFallback);
    decoders.add(TokenDecoders::fuse);
    if (leadingSpace) {
      decoders.add(TokenDecoders.strip(" ", 1, 0));
    }
    return new Chain(
        added(normalizer),
        normalizer,
        PreTokenizer.NONE,
        vocabulary,
        ScoreModel.cached(
            vocabulary, scores(), this::ordinary, id("unknown_token_id"), this::fault),
        frame(true, false),
        TokenDecoders.sequence(decoders));
  }

  private Chain wordPiece() {
    int unknown = id("unknown_token_id") >= 0 ? id("unknown_token_id") : vocabulary.id("[UNK]");
    int cls = id("cls_token_id") >= 0 ? id("cls_token_id") : id("bos_token_id");
    int sep = id("seperator_token_id") >= 0 ? id("seperator_token_id") : id("eos_token_id");
    if (unknown < 0 || cls < 0 || sep < 0) {
      throw fault("cls_token_id", "or the ids of the separator or unknown token are missing");
    }
    Normalizer normalizer = Normalizers.bert(true, true, true, true);
    return new Chain(
        added(normalizer),
        normalizer,
        PreTokenizers.bert(),
        vocabulary,
        new CachedModel(new WordPieceModel(vocabulary, unknown, "##", 100), null),
        new Frame(List.of(cls), List.of(sep)),
        TokenDecoders.wordPiece("##", true));
  }

  private Chain unigram() {
    Object map = file.metadata().get(PREFIX + "precompiled_charsmap");
    Normalizer charsMap = map == null ? Normalizer.NONE : CharsMap.parse(bytes(map));
    if (charsMap == null) {
      throw fault("precompiled_charsmap", "is cut short");
    }
    boolean collapse = flag("remove_extra_whitespaces", false);
    Normalizer squeeze = text -> collapse ? text.strip().replaceAll(" {2,}", " ") : text;
    Normalizer normalizer = Normalizers.sequence(List.of(charsMap, squeeze));
    Metaspace.Prepend prepend =
        flag("add_space_prefix", true) ? Metaspace.Prepend.ALWAYS : Metaspace.Prepend.NEVER;
    Metaspace metaspace = new Metaspace(Metaspace.SPACE, prepend, false);
    float[] stored = scores();
    double[] scores = new double[stored.length];
    for (int id = 0; id < scores.length; id++) {
      scores[id] = stored[id];
    }
    return new Chain(
        added(normalizer),
        normalizer,
        metaspace,
        vocabulary,
        new UnigramModel(vocabulary, scores, id("unknown_token_id"), true),
        frame(false, true),
        TokenDecoders.sequence(List.of(TokenDecoders::byteFallback, metaspace::decode)));
  }

  /** GGUF marks the start of a word where Hugging Face marks its continuation. */
  private static String hugging(String token) {
    if (token.startsWith(Metaspace.SPACE)) {
      return token.substring(1);
    }
    return token.startsWith("[") && token.endsWith("]") ? token : "##" + token;
  }

  private AddedTokens added(Normalizer normalizer) {
    List<AddedToken> tokens = new ArrayList<>();
    for (int id = 0; id < types.length; id++) {
      boolean special = types[id] == UNKNOWN || types[id] == CONTROL;
      if (special || types[id] == USER_DEFINED) {
        tokens.add(AddedToken.plain(id, vocabulary.token(id), special));
      }
    }
    return new AddedTokens(tokens, normalizer);
  }

  /** True for tokens that the model may make. */
  private boolean ordinary(int id) {
    return types[id] < UNKNOWN || types[id] == USER_DEFINED || types[id] == UNUSED;
  }

  private Frame frame(boolean begins, boolean ends) {
    boolean begin = flag("add_bos_token", begins) && id("bos_token_id") >= 0;
    boolean end = flag("add_eos_token", ends) && id("eos_token_id") >= 0;
    return new Frame(
        begin ? List.of(id("bos_token_id")) : List.of(),
        end ? List.of(id("eos_token_id")) : List.of());
  }

  private int[] types(int size) {
    int[] result = new int[size];
    List<Integer> stored = list("token_type", Integer.class);
    if (!stored.isEmpty() && stored.size() != size) {
      throw fault("token_type", "has " + stored.size() + " entries for " + size + " tokens");
    }
    for (int i = 0; i < stored.size(); i++) {
      result[i] = stored.get(i);
    }
    return result;
  }

  private float[] scores() {
    List<Float> stored = list("scores", Float.class);
    if (stored.size() != vocabulary.size()) {
      throw fault(
          "scores", "has " + stored.size() + " entries for " + vocabulary.size() + " tokens");
    }
    float[] scores = new float[stored.size()];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = stored.get(i);
      if (Float.isNaN(scores[i])) {
        throw fault("scores[" + i + "]", "is not a number");
      }
    }
    return scores;
  }

  private <T> List<T> list(String key, Class<T> type) {
    Object value = file.metadata().get(PREFIX + key);
    if (value == null) {
      return List.of();
    }
    if (!(value instanceof List<?> list)) {
      throw fault(key, "is not a list");
    }
    List<T> result = new ArrayList<>(list.size());
    for (Object element : list) {
      if (!type.isInstance(element)) {
        throw fault(key, "has an element that is no " + type.getSimpleName());
      }
      result.add(type.cast(element));
    }
    return result;
  }

  private byte[] bytes(Object value) {
    if (!(value instanceof List<?> list)) {
      throw fault("precompiled_charsmap", "is not a list");
    }
    byte[] bytes = new byte[list.size()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = list.get(i) instanceof Number number ? number.byteValue() : 0;
    }
    return bytes;
  }

  /** An id of the vocabulary, -1 when the key is absent. */
  private int id(String key) {
    Object value = file.metadata().get(PREFIX + key);
    if (value == null) {
      return -1;
    }
    if (!(value instanceof Number number)
        || number.longValue() < 0
        || number.longValue() >= vocabulary.size()) {
      throw fault(key, "is " + value + ", not an id below " + vocabulary.size());
    }
    return number.intValue();
  }

  private boolean flag(String key, boolean otherwise) {
    Object value = file.metadata().get(PREFIX + key);
    return value instanceof Boolean set ? set : otherwise;
  }

  private ModelFormatException fault(String key, String problem) {
    return new ModelFormatException(file.path(), PREFIX + key, problem);
  }
}

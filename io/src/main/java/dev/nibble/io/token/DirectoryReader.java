package dev.nibble.io.token;

import dev.nibble.core.ModelFormatException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads the tokenizer files of a model directory. */
final class DirectoryReader {
  private final Path directory;
  private final Settings settings;

  private DirectoryReader(Path directory) {
    this.directory = directory;
    this.settings = Settings.read(directory);
  }

  static Tokenizer read(Path directory) {
    return new DirectoryReader(directory).read();
  }

  private Tokenizer read() {
    Chain chain = chain();
    int bos = role(chain, "bos_token");
    int eos = role(chain, "eos_token");
    Frame frame = frame(chain.frame(), bos, eos);
    checkIds(frame.before(), chain.size());
    checkIds(frame.after(), chain.size());
    if (bos < 0 && settings.token("cls_token").isEmpty() && !frame.before().isEmpty()) {
      bos = frame.before().getFirst();
    }
    return new ChainTokenizer(chain.withFrame(frame), bos, eos < 0 ? Set.of() : Set.of(eos));
  }

  private void checkIds(List<Integer> ids, int size) {
    for (int id : ids) {
      if (id >= size) {
        throw new ModelFormatException(
            directory,
            "post_processor",
            "puts id " + id + " around texts, but the last token is " + (size - 1));
      }
    }
  }

  private Chain chain() {
    if (Files.exists(directory.resolve("tokenizer.json"))) {
      return fromJson(Part.read(directory.resolve("tokenizer.json")));
    }
    if (Files.exists(directory.resolve("vocab.json"))
        && Files.exists(directory.resolve("merges.txt"))) {
      return fromMerges();
    }
    if (Files.exists(directory.resolve("vocab.txt"))) {
      return fromWordList(directory.resolve("vocab.txt"));
    }
    String remedy =
        Files.exists(directory.resolve("tokenizer.model"))
            ? "; convert its tokenizer.model to tokenizer.json first (transformers does so when it"
                + " saves a fast tokenizer)"
            : "";
    throw new ModelFormatException(
        directory,
        "",
        "has no tokenizer: none of tokenizer.json, vocab.json with merges.txt, vocab.txt" + remedy);
  }

  private static Chain fromJson(Part root) {
    ModelReader reader = new ModelReader(root.child("model"));
    TokenModel model = reader.read();
    Normalizer normalizer = Normalizers.read(root.child("normalizer"));
    List<AddedToken> added = new ArrayList<>();
    for (Part token : root.list("added_tokens")) {
      int id = token.number("id", 0, Vocabulary.MAX_ID);
      int known = reader.vocabulary().id(token.text("content"));
      added.add(Settings.addedToken(token, known >= 0 ? known : id));
    }
    return new Chain(
        new AddedTokens(added, normalizer),
        normalizer,
        PreTokenizers.read(root.child("pre_tokenizer")),
        reader.vocabulary(),
        model,
        Frame.read(root.child("post_processor")),
        TokenDecoders.read(root.child("decoder")));
  }

  /** GPT-2's own pair of files. */
  private Chain fromMerges() {
    Part vocab = Part.read(directory.resolve("vocab.json"));
    Vocabulary vocabulary = new Vocabulary(vocab.node().size());
    vocab
        .node()
        .properties()
        .forEach(
            entry ->
                vocabulary.put(entry.getKey(), vocab.number(entry.getKey(), 0, Vocabulary.MAX_ID)));
    Path file = directory.resolve("merges.txt");
    List<String> lines = lines(file);
    PairTable merges = new PairTable(lines.size());
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if ((i == 0 && line.startsWith("#version")) || line.isEmpty()) {
        continue;
      }
      int space = line.indexOf(' ');
      String where = "line " + (i + 1);
      Merges.add(
          merges,
          vocabulary,
          i,
          space < 0 ? null : line.substring(0, space),
          line.substring(space + 1),
          0,
          problem -> new ModelFormatException(file, where, problem));
    }
    boolean space = settings.flag("add_prefix_space").orElse(false);
    return new Chain(
        addedBeside(vocabulary, List.of("<|endoftext|>")),
        Normalizer.NONE,
        PreTokenizers.byteLevel(space, true),
        vocabulary,
        BpeModel.cached(vocabulary, merges, new BpeModel.Options(false, false, -1, false, "", "")),
        Frame.NONE,
        TokenDecoders::byteLevel);
  }

  /** BERT's own list of words, one a line, the line number being the id. */
  private Chain fromWordList(Path file) {
    List<String> lines = lines(file);
    Vocabulary vocabulary = new Vocabulary(lines.size());
    for (String line : lines) {
      vocabulary.put(line, vocabulary.size());
    }
    List<String> roles = List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]");
    int unknown = wordId(file, vocabulary, settings.token("unk_token").orElse("[UNK]"));
    int cls = wordId(file, vocabulary, settings.token("cls_token").orElse("[CLS]"));
    int sep = wordId(file, vocabulary, settings.token("sep_token").orElse("[SEP]"));
    boolean lowercase = settings.flag("do_lower_case").orElse(true);
    boolean ideographs = settings.flag("tokenize_chinese_chars").orElse(true);
    boolean accents = settings.flag("strip_accents").orElse(lowercase);
    return new Chain(
        addedBeside(vocabulary, roles),
        Normalizers.bert(true, ideographs, accents, lowercase),
        PreTokenizers.bert(),
        vocabulary,
        new CachedModel(new WordPieceModel(vocabulary, unknown, "##", 100), null),
        new Frame(List.of(cls), List.of(sep)),
        TokenDecoders.wordPiece("##", true));
  }

  private static int wordId(Path file, Vocabulary vocabulary, String word) {
    int id = vocabulary.id(word);
    if (id < 0) {
      throw new ModelFormatException(file, "", "has no line '" + word + "'");
    }
    return id;
  }

  /** Added tokens of directories whose vocabulary file does not list them. */
  private AddedTokens addedBeside(Vocabulary vocabulary, List<String> usual) {
    List<AddedToken> tokens = settings.addedTokens();
    List<String> named = new ArrayList<>(usual);
    for (String role : List.of("bos_token", "eos_token", "unk_token", "pad_token")) {
      settings.token(role).ifPresent(named::add);
    }
    for (String token : named) {
      int id = vocabulary.id(token);
      if (id >= 0) {
        tokens.add(AddedToken.plain(id, token, true));
      }
    }
    return new AddedTokens(tokens, Normalizer.NONE);
  }

  private static List<String> lines(Path file) {
    return new String(Part.bytes(file), StandardCharsets.UTF_8).lines().toList();
  }

  private int role(Chain chain, String role) {
    Optional<String> token = settings.token(role);
    return token.isPresent() ? chain.id(token.get()) : -1;
  }

  /** The frame of the files, corrected by what the settings say about begin and end. */
  private Frame frame(Frame stored, int bos, int eos) {
    if (!stored.equals(Frame.NONE) && !settings.framesByFlags()) {
      return stored;
    }
    boolean begin = !stored.before().isEmpty();
    boolean end = !stored.after().isEmpty();
    if (settings.framesByFlags() || stored.equals(Frame.NONE)) {
      begin = settings.flag("add_bos_token").orElse(begin);
      end = settings.flag("add_eos_token").orElse(end);
    }
    List<Integer> before = stored.before();
    List<Integer> after = stored.after();
    if (begin != !before.isEmpty()) {
      before = begin && bos >= 0 ? List.of(bos) : List.of();
    }
    if (end != !after.isEmpty()) {
      after = end && eos >= 0 ? List.of(eos) : List.of();
    }
    return new Frame(before, after);
  }
}

package dev.nibble.io.token;

import dev.nibble.io.token.PreTokenizers.Behavior;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The splitting rules that GGUF names in {@code tokenizer.ggml.pre} instead of writing them out.
 *
 * @param expressions splits, each applied to the pieces of the one before, matches set apart
 * @param begins whether the begin token is put in front unless the file says otherwise
 * @param wholeWordsFirst whether a word that is a token is taken whole
 */
record GgufSplits(List<String> expressions, boolean begins, boolean wholeWordsFirst) {
  private static final String IDEOGRAPHS = "[一-龥ࠀ-一가-퟿]+";
  private static final String SYMBOLS = "[\\p{P}\\$\\+<=>\\^~\\|`]+";

  private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  private static final String LINES_AND_SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** Words in the manner of GPT-4, with numbers of so many digits. */
  private static String gpt4(String numbers) {
    return CONTRACTIONS
        + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
        + numbers
        + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
        + LINES_AND_SPACES;
  }

  /** Words that a change from lower to upper case ends, in the manner of GPT-4o. */
  private static String cased(String numbers, String contractions) {
    String upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    String lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    String lead = "[^\\r\\n\\p{L}\\p{N}]?";
    return lead
        + upper
        + "*"
        + lower
        + "+"
        + contractions
        + "|"
        + lead
        + upper
        + "+"
        + lower
        + "*"
        + contractions
        + "|"
        + numbers
        + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|"
        + LINES_AND_SPACES;
  }

  private static final String GPT2 = ByteAlphabet.PIECES;
  private static final GgufSplits WORDS = of(GPT2);
  private static final GgufSplits WORDS_AND_DIGITS = of("\\p{N}", GPT2);
  private static final GgufSplits THREE_DIGITS =
      new GgufSplits(List.of(gpt4("\\p{N}{1,3}")), true, true);
  private static final GgufSplits ONE_DIGIT = of(gpt4("\\p{N}"));

  private static final Map<String, GgufSplits> BY_NAME =
      Map.ofEntries(
          Map.entry("default", of(SYMBOLS.replace("`", ""), GPT2, "\\p{N}+", "[0-9][0-9][0-9]")),
          Map.entry("gpt-2", WORDS),
          Map.entry("phi-2", WORDS),
          Map.entry("mpt", WORDS),
          Map.entry("olmo", WORDS),
          Map.entry("jais", WORDS),
          Map.entry("trillion", WORDS),
          Map.entry("roberta-bpe", WORDS),
          Map.entry("starcoder", WORDS_AND_DIGITS),
          Map.entry("refact", WORDS_AND_DIGITS),
          Map.entry("command-r", WORDS_AND_DIGITS),
          Map.entry("smollm", WORDS_AND_DIGITS),
          Map.entry("codeshell", WORDS_AND_DIGITS),
          Map.entry("exaone", WORDS_AND_DIGITS),
          Map.entry("minerva-7b", WORDS_AND_DIGITS),
          Map.entry("llama3", THREE_DIGITS),
          Map.entry("llama-v3", THREE_DIGITS),
          Map.entry("llama-bpe", THREE_DIGITS),
          Map.entry("falcon3", THREE_DIGITS),
          Map.entry("dbrx", new GgufSplits(THREE_DIGITS.expressions(), false, false)),
          Map.entry("smaug-bpe", new GgufSplits(THREE_DIGITS.expressions(), false, false)),
          Map.entry("glm4", new GgufSplits(THREE_DIGITS.expressions(), false, false)),
          Map.entry("chatglm-bpe", new GgufSplits(THREE_DIGITS.expressions(), false, false)),
          Map.entry("qwen2", ONE_DIGIT),
          Map.entry("stablelm2", ONE_DIGIT),
          Map.entry("deepseek-r1-qwen", ONE_DIGIT),
          Map.entry("megrez", ONE_DIGIT),
          Map.entry("gpt-4o", of(cased("\\p{N}{1,3}", CONTRACTIONS + "?"))),
          Map.entry("llama4", of(cased("\\p{N}{1,3}", CONTRACTIONS + "?"))),
          Map.entry("tekken", new GgufSplits(List.of(cased("\\p{N}", "")), true, true)),
          Map.entry("falcon", of(SYMBOLS, GPT2, "[0-9][0-9][0-9]")),
          Map.entry("bloom", of(" ?[^(\\s|.,!?…。，、।۔،)]+")),
          Map.entry("poro-chat", of(" ?[^(\\s|.,!?…。，、।۔،)]+")),
          Map.entry("gpt3-finnish", of(" ?[^(\\s|.,!?…。，、।۔،)]+")),
          Map.entry(
              "deepseek-coder", of("[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", IDEOGRAPHS, "\\p{N}")),
          Map.entry(
              "deepseek-v3",
              of(
                  "\\p{N}{1,3}",
                  "[一-龥぀-ゟ゠-ヿ]+",
                  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
                      + "|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
                      + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|"
                      + LINES_AND_SPACES)));

  private static GgufSplits of(String... expressions) {
    return new GgufSplits(List.of(expressions), false, false);
  }

  /** The rule with a name, if it is known. */
  static Optional<GgufSplits> named(String name) {
    return Optional.ofNullable(BY_NAME.get(name));
  }

  PreTokenizer preTokenizer() {
    return PreTokenizers.sequence(
        expressions.stream()
            .map(TextPattern::of)
            .map(pattern -> PreTokenizers.split(pattern, Behavior.ISOLATED, false))
            .toList());
  }
}

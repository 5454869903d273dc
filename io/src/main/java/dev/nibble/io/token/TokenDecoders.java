package dev.nibble.io.token;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The decoders of {@code tokenizer.json}. */
final class TokenDecoders {
  private static final String KNOWN =
      "Sequence, ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, WordPiece and"
          + " BPEDecoder";

  /** How tokenizers without a decoder join tokens. */
  static final TokenDecoder SPACED = tokens -> List.of(String.join(" ", tokens));

  private TokenDecoders() {}

  /** The decoder that a component describes; {@link #SPACED} for null. */
  static TokenDecoder read(Part part) {
    if (part.node().isMissingNode() || part.node().isNull()) {
      return SPACED;
    }
    return switch (part.type()) {
      case "Sequence" -> sequence(part.list("decoders").stream().map(TokenDecoders::read).toList());
      case "ByteLevel" -> TokenDecoders::byteLevel;
      case "ByteFallback" -> TokenDecoders::byteFallback;
      case "Fuse" -> TokenDecoders::fuse;
      case "Strip" ->
          strip(
              part.text("content"),
              part.number("start", 0, Integer.MAX_VALUE),
              part.number("stop", 0, Integer.MAX_VALUE));
      case "Replace" -> each(TextPattern.read(part)::replaceAll);
      case "Metaspace" -> Metaspace.read(part)::decode;
      case "WordPiece" -> wordPiece(part.text("prefix", "##"), part.flag("cleanup", true));
      case "BPEDecoder" -> suffixed(part.text("suffix", "</w>"));
      default -> throw part.unsupported("decoder", KNOWN);
    };
  }

  static TokenDecoder sequence(List<TokenDecoder> parts) {
    List<TokenDecoder> all = List.copyOf(parts);
    return tokens -> {
      List<String> result = tokens;
      for (TokenDecoder part : all) {
        result = part.apply(result);
      }
      return result;
    };
  }

  static TokenDecoder each(Normalizer change) {
    return tokens -> tokens.stream().map(change::apply).toList();
  }

  static List<String> fuse(List<String> tokens) {
    return List.of(String.join("", tokens));
  }

  static List<String> byteLevel(List<String> tokens) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (String token : tokens) {
      bytes.writeBytes(ByteAlphabet.decode(token));
    }
    return List.of(bytes.toString(StandardCharsets.UTF_8));
  }

  /** A run of byte tokens becomes its text if it is UTF-8, else one U+FFFD for each byte. */
  static List<String> byteFallback(List<String> tokens) {
    List<String> out = new ArrayList<>(tokens.size());
    ByteArrayOutputStream run = new ByteArrayOutputStream();
    for (String token : tokens) {
      int b = Vocabulary.byteOf(token);
      if (b >= 0) {
        run.write(b);
        continue;
      }
      flush(run, out);
      out.add(token);
    }
    flush(run, out);
    return out;
  }

  private static void flush(ByteArrayOutputStream run, List<String> out) {
    if (run.size() == 0) {
      return;
    }
    try {
      out.add(
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(run.toByteArray()))
              .toString());
    } catch (CharacterCodingException e) {
      out.add("\ufffd".repeat(run.size()));
    }
    run.reset();
  }

  /**
   * Takes up to {@code start} leading and {@code stop} trailing copies of a text off each token.
   */
  static TokenDecoder strip(String content, int start, int stop) {
    return each(
        token -> {
          int from = 0;
          for (int i = 0; i < start && !content.isEmpty() && token.startsWith(content, from); i++) {
            from += content.length();
          }
          int to = token.length();
          for (int i = 0;
              i < stop
                  && !content.isEmpty()
                  && to - content.length() >= from
                  && token.startsWith(content, to - content.length());
              i++) {
            to -= content.length();
          }
          return token.substring(from, to);
        });
  }

  static TokenDecoder wordPiece(String prefix, boolean cleanup) {
    return tokens -> {
      List<String> out = new ArrayList<>(tokens.size());
      for (String token : tokens) {
        String text = token;
        if (!out.isEmpty()) {
          text = token.startsWith(prefix) ? token.substring(prefix.length()) : " " + token;
        }
        out.add(cleanup ? cleanUp(text) : text);
      }
      return out;
    };
  }

  /** English punctuation without the spaces that splitting put before it. */
  private static String cleanUp(String text) {
    return text.replace(" .", ".")
        .replace(" ?", "?")
        .replace(" !", "!")
        .replace(" ,", ",")
        .replace(" ' ", "'")
        .replace(" n't", "n't")
        .replace(" 'm", "'m")
        .replace(" do not", " don't")
        .replace(" 's", "'s")
        .replace(" 've", "'ve")
        .replace(" 're", "'re");
  }

  private static TokenDecoder suffixed(String suffix) {
    return tokens -> {
      List<String> out = new ArrayList<>(tokens.size());
      for (int i = 0; i < tokens.size(); i++) {
        String end = i + 1 < tokens.size() ? " " : "";
        out.add(suffix.isEmpty() ? tokens.get(i) : tokens.get(i).replace(suffix, end));
      }
      return out;
    };
  }
}

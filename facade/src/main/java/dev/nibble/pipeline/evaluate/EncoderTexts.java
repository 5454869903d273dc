package dev.nibble.pipeline.evaluate;

import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.token.Tokenizer;
import dev.nibble.runtime.TextEncoder;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Short texts that an encoder is compared on: the first different sentences of a text.
 *
 * @param id name of the data
 * @param tokens each with its special tokens, cut to what the model takes
 */
record EncoderTexts(String id, List<int[]> tokens) {
  private static final Pattern ENDS = Pattern.compile("(?<=[.!?])\\s+|\\R+");
  private static final int MOST = 256;
  private static final int LEAST_CHARACTERS = 20;

  static EncoderTexts of(String id, DataCatalog data, Tokenizer tokenizer, int longest) {
    List<int[]> out = new ArrayList<>();
    ENDS.splitAsStream(data.text(id).text())
        .map(String::strip)
        .filter(s -> s.length() >= LEAST_CHARACTERS)
        .distinct()
        .limit(MOST)
        .forEach(s -> out.add(TextEncoder.cut(tokenizer.encode(s, true), longest)));
    return new EncoderTexts(id, out);
  }

  String conditions() {
    return tokens.size() + " sentences of " + id;
  }
}

package dev.nibble.compress.train;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;

/**
 * One source of training text in a recipe.
 *
 * @param name shown in the model card
 * @param path file, relative to the working directory; <code>${key}</code> stands for a file named
 *     on the command line
 * @param format how documents are found in it
 * @param separator what stands between documents of format {@code TEXT}
 * @param weight share of training windows, relative to the other sources
 * @param heldOut share of documents kept from training for evaluation, 0 to 0.5
 * @param chat share of documents presented as the answer to a request, 0 to 1
 * @param minCharacters shorter documents are dropped
 * @param origin where the text comes from, for the model card
 * @param licence its licence, for the model card
 */
public record TextSource(
    String name,
    String path,
    Format format,
    String separator,
    double weight,
    double heldOut,
    double chat,
    int minCharacters,
    String origin,
    String licence) {

  /** File formats; a name that ends in {@code .gz} is decompressed first. */
  public enum Format {
    /** Plain text with a separator between documents. */
    TEXT,
    /** Wikipedia extracts: {@code <doc ...>}, title, text, {@code </doc>}. */
    WIKI,
    /** A gzip tar of Brown corpus files, {@code word/tag} separated by spaces. */
    BROWN
  }

  static TextSource read(String where, JsonNode node) {
    OptionReader options = new OptionReader(where, node);
    TextSource source =
        new TextSource(
            required(options, "name"),
            required(options, "path"),
            options.choice("format", Format.TEXT, Format.class),
            options.text("separator", "\n\n"),
            options.real("weight", 1, 0.0001, 1e6),
            options.real("held_out", 0, 0, 0.5),
            options.real("chat", 0, 0, 1),
            options.integer("min_characters", 100, 1, 1_000_000),
            options.text("origin", ""),
            options.text("licence", ""));
    options.rejectUnknown();
    return source;
  }

  private static String required(OptionReader options, String key) {
    String value = options.text(key, "");
    if (value.isBlank()) {
      throw new NibbleException(
          options.where() + "." + key + ": missing; every source needs a " + key);
    }
    return value;
  }
}

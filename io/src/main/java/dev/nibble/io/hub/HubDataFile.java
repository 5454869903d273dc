package dev.nibble.io.hub;

import dev.nibble.core.NibbleException;
import dev.nibble.io.json.JsonFields;
import java.util.List;
import java.util.Locale;

/**
 * A file of a data set of the hub: {@code datasets/owner/name[@revision]#path/of/file.jsonl}.
 *
 * @param repo repository and revision
 * @param file path of the file in the repository
 */
public record HubDataFile(HubRepo repo, String file) {
  /** How ids of data sets begin. */
  public static final String PREFIX = "datasets/";

  private static final List<String> READABLE = List.of(".txt", ".json", ".jsonl", ".csv", ".tsv");

  /**
   * Checks the file name.
   *
   * @throws NibbleException when it is no relative path of a kind of file that is read
   */
  public HubDataFile {
    String lower = file.toLowerCase(Locale.ROOT);
    String plain = lower.endsWith(".gz") ? lower.substring(0, lower.length() - 3) : lower;
    if (!HubPaths.isSafe(file) || READABLE.stream().noneMatch(plain::endsWith)) {
      throw new NibbleException(
          "\"%s\" of %s%s is no data file that is read; give a path that ends in %s, or such a one"
                  .formatted(JsonFields.shown(file), PREFIX, repo.id(), String.join(", ", READABLE))
              + " with .gz");
    }
  }

  /**
   * Reads {@code datasets/owner/name[@revision]#file}.
   *
   * @throws NibbleException when the text is not of that form
   */
  public static HubDataFile parse(String text) {
    int hash = text.indexOf('#');
    if (!text.startsWith(PREFIX) || hash < 0) {
      throw new NibbleException(
          "data \"%s\": write datasets/owner/name#FILE for a file of a data set of the hub"
              .formatted(JsonFields.shown(text)));
    }
    HubRepo repo = HubRepo.parse(HubRepo.Kind.DATASET, text.substring(PREFIX.length(), hash));
    return new HubDataFile(repo, text.substring(hash + 1));
  }
}

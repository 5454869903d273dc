package dev.nibble.io.hub;

import dev.nibble.core.NibbleException;
import dev.nibble.io.json.JsonFields;

/**
 * A model of the hub as users write it: {@code owner/name}, with {@code @revision}, and with {@code
 * :file.gguf} where the repository holds GGUF files.
 *
 * @param repo repository and revision
 * @param gguf path of the chosen GGUF file in the repository, or "" for safetensors
 */
public record HubModel(HubRepo repo, String gguf) {
  /**
   * Checks the file name.
   *
   * @throws NibbleException when it is not the relative path of a GGUF file
   */
  public HubModel {
    if (!gguf.isEmpty() && (!gguf.endsWith(".gguf") || !HubPaths.isSafe(gguf))) {
      throw new NibbleException(
          "\"%s\" of %s is no GGUF file; write %s:FILE.gguf"
              .formatted(JsonFields.shown(gguf), repo.id(), repo.id()));
    }
  }

  /**
   * Reads {@code owner/name[@revision][:file.gguf]}.
   *
   * @throws NibbleException when the text is not of that form
   */
  public static HubModel parse(String text) {
    int colon = text.indexOf(':');
    String repo = colon < 0 ? text : text.substring(0, colon);
    if (colon >= 0 && colon == text.length() - 1) {
      throw new NibbleException(
          "\"%s\" ends in a colon; write %s:FILE.gguf or leave it out"
              .formatted(JsonFields.shown(text), JsonFields.shown(repo)));
    }
    return new HubModel(
        HubRepo.parse(HubRepo.Kind.MODEL, repo), colon < 0 ? "" : text.substring(colon + 1));
  }

  /** True when {@code text} has the form of a hub id, so that {@link #parse} accepts it. */
  public static boolean matches(String text) {
    try {
      parse(text);
      return true;
    } catch (NibbleException e) {
      return false;
    }
  }

  /** As the user would write it. */
  public String text() {
    return repo.text() + (gguf.isEmpty() ? "" : ":" + gguf);
  }

  /** A short name for outputs: that of the repository, or of the GGUF file. */
  public String shortName() {
    return gguf.isEmpty()
        ? repo.name()
        : gguf.substring(gguf.lastIndexOf('/') + 1, gguf.length() - ".gguf".length());
  }
}

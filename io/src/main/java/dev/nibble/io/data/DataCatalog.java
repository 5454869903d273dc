package dev.nibble.io.data;

import dev.nibble.core.NibbleException;
import dev.nibble.io.hub.HubDataFile;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Turns the data ids of recipes and command lines into corpora: {@code bundled} and {@code
 * bundled-evaluation} (the installation's sample texts to calibrate and to measure on), a path,
 * {@code PATH#FIELD}, or the name of a known set under the data directory. {@code PATH#wikitext}
 * reads a text file as rows of WikiText; files named {@code wiki.*.raw} are read so by themselves.
 * {@code datasets/owner/name#file}, and {@code ...#file#field}, name a file of the hub.
 *
 * @param bundled directory of the bundled sample texts, or null when the installation has none
 * @param dataDirectory where known sets are looked for, or null for nowhere
 * @param hub brings {@code datasets/owner/name#file} to this machine, or null for no hub
 */
public record DataCatalog(Path bundled, Path dataDirectory, Function<String, Path> hub) {
  private static final TextCorpus.Layout PLAIN = TextCorpus.Layout.PLAIN;
  private static final TextCorpus.Layout ROWS = TextCorpus.Layout.WIKITEXT_ROWS;

  private static final Map<String, String> BUNDLED =
      Map.of("bundled", "calibration.txt", "bundled-evaluation", "evaluation.txt");

  /** A catalog without the hub. */
  public DataCatalog(Path bundled, Path dataDirectory) {
    this(bundled, dataDirectory, null);
  }

  private record Known(String file, TextCorpus.Layout layout) {}

  /** Known set to the files it may lie in, first found wins. */
  private static final Map<String, List<Known>> KNOWN = known();

  private static Map<String, List<Known>> known() {
    Map<String, List<Known>> sets = new LinkedHashMap<>();
    for (String split : List.of("train", "valid", "test")) {
      sets.put(
          "wikitext2-" + split,
          List.of(
              new Known("wikitext-2/" + split + ".raw.txt.gz", TextCorpus.Layout.WIKITEXT_JOINED),
              new Known("wikitext-2/wiki." + split + ".raw", ROWS),
              new Known("wikitext-2-raw/wiki." + split + ".raw", ROWS)));
      sets.put(
          "wikitext2-tokens-" + split,
          List.of(
              new Known("wikitext-2/" + split + ".tokens.txt.gz", ROWS),
              new Known("wikitext-2/wiki." + split + ".tokens", ROWS)));
    }
    sets.put("tinystories-train", one("tinystories/train-head-2MiB.txt.gz"));
    sets.put("tinystories-valid", one("tinystories/valid-head-30KB.txt.gz"));
    sets.put("tinyshakespeare", one("tinyshakespeare/input.txt.gz"));
    sets.put("c4", one("calibration/c4-300-docs.jsonl.gz"));
    for (String part : List.of("c4", "wiki", "code", "technical", "multilingual")) {
      sets.put("calibration-" + part, one("calibration/" + part + ".txt.gz"));
    }
    return sets;
  }

  private static List<Known> one(String file) {
    return List.of(new Known(file, PLAIN));
  }

  /** Names of the known sets. */
  public static List<String> names() {
    return List.copyOf(KNOWN.keySet());
  }

  /**
   * The corpus an id names; its content is read later.
   *
   * @throws NibbleException if nothing is there under that id
   */
  public TextCorpus text(String id) {
    String sample = BUNDLED.get(id);
    if (sample != null) {
      if (bundled == null || !Files.isRegularFile(bundled.resolve(sample))) {
        throw new NibbleException(
            "data \"%s\": this installation has no sample texts; name a text file instead"
                .formatted(id));
      }
      return new TextCorpus(id, bundled.resolve(sample), "", PLAIN);
    }
    List<Known> candidates = KNOWN.get(id);
    if (candidates != null) {
      return find(id, candidates);
    }
    Optional<Path> whole = existing(id);
    if (whole.isPresent()) {
      return corpus(id, whole.get(), "");
    }
    int hash = id.lastIndexOf('#');
    Optional<Path> file = hash < 0 ? Optional.empty() : existing(id.substring(0, hash));
    if (file.isPresent()) {
      return corpus(id, file.get(), id.substring(hash + 1));
    }
    if (hub != null && id.startsWith(HubDataFile.PREFIX)) {
      boolean field = id.indexOf('#') < hash;
      Path fetched = hub.apply(field ? id.substring(0, hash) : id);
      return corpus(id, fetched, field ? id.substring(hash + 1) : "");
    }
    throw new NibbleException(
        "data \"%s\" is neither a file nor a known set; known sets: bundled, bundled-evaluation, %s"
            .formatted(id, String.join(", ", KNOWN.keySet())));
  }

  private static TextCorpus corpus(String id, Path file, String fragment) {
    return fragment.equals("wikitext")
        ? new TextCorpus(id, file, "", ROWS)
        : new TextCorpus(id, file, fragment, layoutOf(file));
  }

  /**
   * A file under the data directory.
   *
   * @throws NibbleException if there is no data directory, or no such file in it
   */
  public Path file(String relative) {
    if (dataDirectory == null) {
      throw new NibbleException(
          "\"%s\" needs a data directory; name one with --data-dir".formatted(relative));
    }
    Path found = dataDirectory.resolve(relative);
    if (!Files.exists(found)) {
      throw new NibbleException(
          "no %s in the data directory %s".formatted(relative, dataDirectory));
    }
    return found;
  }

  private TextCorpus find(String id, List<Known> candidates) {
    if (dataDirectory != null) {
      for (Known known : candidates) {
        Path path = dataDirectory.resolve(known.file());
        if (Files.exists(path)) {
          return new TextCorpus(id, path, "", known.layout());
        }
      }
    }
    throw new NibbleException(
        "data \"%s\" needs the file %s under %s"
            .formatted(
                id,
                String.join(" or ", candidates.stream().map(Known::file).toList()),
                dataDirectory == null
                    ? "a data directory (none is set; use --data-dir)"
                    : dataDirectory.toString()));
  }

  private static Optional<Path> existing(String text) {
    try {
      Path path = Path.of(text);
      return !text.isEmpty() && Files.exists(path) ? Optional.of(path) : Optional.empty();
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  private static TextCorpus.Layout layoutOf(Path path) {
    String name = DataFile.plainName(path);
    return name.startsWith("wiki.") && (name.endsWith(".raw") || name.endsWith(".tokens"))
        ? ROWS
        : PLAIN;
  }
}

package dev.nibble.compress.recipe;

import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Recipes that come with Nibble or with a third party's jar.
 *
 * <p>Every resource {@code dev/nibble/compress/presets/index.txt} on the class path lists presets,
 * one a line: the name, the YAML resource beside it, and values for the {@code ${keys}} in it, as
 * {@code gptq-w4-g64 gptq.yaml bits=4 group=g64}. {@code #} starts a comment.
 */
public final class Presets {
  private static final String FOLDER = "dev/nibble/compress/presets/";

  private Presets() {}

  /** A line of an index. */
  private record Entry(String name, String resource, Map<String, String> values) {}

  /** Names of all presets, in the order of the indexes. */
  public static List<String> names() {
    return List.copyOf(index().keySet());
  }

  /**
   * Plain YAML of a preset, with its values filled in.
   *
   * @throws NibbleException with the nearest names when there is no such preset
   */
  public static String text(String name) {
    Map<String, Entry> index = index();
    Entry entry = index.get(name);
    if (entry == null) {
      throw new NibbleException(
          "unknown recipe \""
              + name
              + "\": neither a file nor a preset; "
              + NearestNames.hint(name, index.keySet()));
    }
    URL found = loader().getResource(FOLDER + entry.resource());
    if (found == null) {
      throw new IllegalStateException("preset " + name + " lacks its resource " + entry.resource());
    }
    String text = read(found);
    for (Map.Entry<String, String> value : entry.values().entrySet()) {
      text = text.replace("${" + value.getKey() + "}", value.getValue());
    }
    return text;
  }

  /**
   * A recipe by preset name, or by path when that names a file.
   *
   * @throws NibbleException naming file and field when it is not valid
   */
  public static Recipe load(String nameOrPath) {
    boolean preset = index().containsKey(nameOrPath);
    boolean file = !preset && isFile(nameOrPath);
    return Recipe.parse(file ? readFile(Path.of(nameOrPath)) : text(nameOrPath), nameOrPath);
  }

  private static boolean isFile(String path) {
    try {
      return Files.isRegularFile(Path.of(path));
    } catch (InvalidPathException e) {
      return false;
    }
  }

  private static String readFile(Path file) {
    try {
      long size = Files.size(file);
      if (size > 4L * YamlTree.MAX_CHARACTERS) {
        throw new NibbleException(
            file + ": has " + size + " bytes, far more than a recipe; check that this is one",
            NibbleException.BAD_INPUT,
            null);
      }
      return Files.readString(file);
    } catch (MalformedInputException e) {
      throw new NibbleException(
          file + ": is not UTF-8 text; a recipe is a YAML file", NibbleException.BAD_INPUT, e);
    } catch (IOException e) {
      throw new NibbleException(
          file + ": cannot be read: " + e.getMessage(), NibbleException.BAD_INPUT, e);
    }
  }

  private static ClassLoader loader() {
    return Presets.class.getClassLoader();
  }

  private static Map<String, Entry> index() {
    Map<String, Entry> out = new LinkedHashMap<>();
    try {
      for (URL url : Collections.list(loader().getResources(FOLDER + "index.txt"))) {
        read(url)
            .lines()
            .map(line -> line.replaceFirst("#.*", "").strip())
            .filter(line -> !line.isEmpty())
            .map(Presets::entry)
            .forEach(entry -> out.putIfAbsent(entry.name(), entry));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out;
  }

  private static Entry entry(String line) {
    String[] words = line.split("\\s+");
    Map<String, String> values = new LinkedHashMap<>();
    values.put("name", words[0]);
    for (int i = 2; i < words.length; i++) {
      int equals = words[i].indexOf('=');
      values.put(words[i].substring(0, equals), words[i].substring(equals + 1));
    }
    return new Entry(words[0], words[1], Collections.unmodifiableMap(values));
  }

  private static String read(URL url) {
    try (InputStream in = url.openStream()) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

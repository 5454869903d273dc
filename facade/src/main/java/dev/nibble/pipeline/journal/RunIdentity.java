package dev.nibble.pipeline.journal;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.io.json.JsonFields;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Everything that the bytes of an artefact depend on. Two runs of equal identity end byte-identical
 * and may share their journal; thread count and memory budget are no part of it.
 *
 * @param format version of unit files and journal
 * @param nibble version of the program
 * @param processor class of processor, see {@link Processor}
 * @param recipe the recipe with its defaults written out
 * @param sources files of the model
 * @param calibration hash of the calibration tokens, "" when no step looks at any
 */
public record RunIdentity(
    int format,
    String nibble,
    String processor,
    Recipe recipe,
    List<SourceFile> sources,
    String calibration) {

  /** Current version of unit files and journal. */
  public static final int FORMAT = 1;

  /** Copies the list. */
  public RunIdentity {
    sources = List.copyOf(sources);
  }

  /** Short name of the run: hash over all of it. */
  public String fingerprint() {
    ObjectNode all = toJson();
    all.remove("recipe");
    return ContentHash.of(all + recipe.canonical());
  }

  /**
   * Why work that was begun as {@code this} cannot be continued as {@code now}: the first field
   * that differs, with both values; empty when it can.
   */
  public Optional<String> differenceFrom(RunIdentity now) {
    List<String> recipeFields = recipe.differences(now.recipe);
    if (!recipeFields.isEmpty()) {
      return Optional.of("the recipe has changed since, " + String.join("; ", recipeFields));
    }
    Optional<String> file = changedSource(now);
    if (file.isPresent()) {
      return file;
    }
    if (!calibration.equals(now.calibration)) {
      return Optional.of(
          "the calibration text (calibration.data: "
              + recipe.calibration().data()
              + ") has changed since");
    }
    if (!processor.equals(now.processor)) {
      return Optional.of(
          "it ran on another kind of processor (" + processor + ", now " + now.processor + ")");
    }
    if (format != now.format || !nibble.equals(now.nibble)) {
      return Optional.of("it was done by Nibble " + nibble + ", this is " + now.nibble);
    }
    return Optional.empty();
  }

  private Optional<String> changedSource(RunIdentity now) {
    Map<String, SourceFile> before = new LinkedHashMap<>();
    sources.forEach(s -> before.put(s.name(), s));
    for (SourceFile file : now.sources) {
      SourceFile old = before.remove(file.name());
      if (old == null) {
        return Optional.of("the model has a new file since, " + file.name());
      }
      if (!old.equals(file)) {
        return Optional.of("the model's file " + file.name() + " has changed since");
      }
    }
    return before.keySet().stream()
        .findFirst()
        .map(name -> "the model's file " + name + " has gone since");
  }

  /** JSON form. */
  public ObjectNode toJson() {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("format", format);
    out.put("nibble", nibble);
    out.put("processor", processor);
    out.put("recipe", recipe.toYaml());
    out.put("recipe_name", recipe.name());
    ArrayNode files = out.putArray("sources");
    for (SourceFile source : sources) {
      files
          .addObject()
          .put("name", source.name())
          .put("bytes", source.bytes())
          .put("sha256", source.sha256());
    }
    out.put("calibration", calibration);
    return out;
  }

  /** Reads the JSON form. */
  public static RunIdentity fromJson(JsonFields in) {
    List<SourceFile> sources = new ArrayList<>();
    for (JsonFields file : in.objects("sources")) {
      sources.add(
          new SourceFile(
              file.string("name"), file.node().path("bytes").longValue(), file.string("sha256")));
    }
    return new RunIdentity(
        in.integer("format", 0, Integer.MAX_VALUE),
        in.string("nibble"),
        in.string("processor"),
        Recipe.parse(in.string("recipe"), in.string("recipe_name")),
        sources,
        in.string("calibration"));
  }
}

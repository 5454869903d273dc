package dev.nibble.compress.solve;

import dev.nibble.compress.allocate.Assignment;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.Clip;
import dev.nibble.core.rounding.GridFlavour;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.Site;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which sites a solver works on, and with which spec: the options that all solvers share. What an
 * allocate step has decided for a site goes before {@code spec}, which may then be left out; {@code
 * per_module} and {@code ignore} go before both.
 *
 * <pre>
 * spec: int4:g128                 # linear sites of decoder blocks
 * targets: [ "mlp\\." ]           # only names in which one of these regular expressions is found
 * ignore: [ "layers\\.0\\." ]     # but none of these
 * per_module: { "down_proj$": int8:channel, "k_proj$": none }   # first match wins
 * embedding: int8:channel         # default: left as it is
 * head: int8:channel              # default: left as it is
 * </pre>
 */
public final class SolveTargets {
  /** Says that a site is chosen where its stored form has no spec. */
  private static final QuantSpec ANY = QuantSpec.parse("int8:channel");

  private final String where;
  private final Optional<QuantSpec> spec;
  private final List<Pattern> targets;
  private final List<Pattern> ignore;
  private final List<ModuleSpec> overrides;
  private final Optional<QuantSpec> embedding;
  private final Optional<QuantSpec> head;

  /** A spec for the names that match; empty to leave them alone. */
  private record ModuleSpec(Pattern pattern, Optional<QuantSpec> spec) {}

  private SolveTargets(
      OptionReader options,
      Optional<QuantSpec> spec,
      RoundingOptions rounding,
      Consumer<QuantSpec> check) {
    this.where = options.where();
    this.spec = spec;
    spec.ifPresent(check);
    this.targets = options.patterns("targets");
    this.ignore = options.patterns("ignore");
    this.overrides = overrides(options.child("per_module"), check);
    this.embedding = options.optionalSpec("embedding");
    this.head = options.optionalSpec("head");
    head.ifPresent(check);
    Stream.of(spec.stream(), embedding.stream(), head.stream(), overridden())
        .flatMap(s -> s)
        .forEach(s -> requireGrid(s, rounding, options.where()));
  }

  private SolveTargets(OptionReader options) {
    this.where = options.where();
    this.spec = Optional.of(ANY);
    this.targets = options.patterns("targets");
    this.ignore = options.patterns("ignore");
    this.overrides = List.of();
    this.embedding = options.optionalSpec("embedding");
    this.head = options.optionalSpec("head");
  }

  /**
   * Reads the options of a solver whose stored form no spec describes: {@code targets}, {@code
   * ignore}, and {@code embedding} and {@code head}, which it rounds to nearest. The spec of a
   * chosen site of a decoder block then only says that the site is chosen.
   */
  public static SolveTargets choosing(OptionReader options) {
    return new SolveTargets(options);
  }

  private Stream<QuantSpec> overridden() {
    return overrides.stream().flatMap(o -> o.spec().stream());
  }

  private static void requireGrid(QuantSpec spec, RoundingOptions rounding, String where) {
    if (spec.affine()) {
      try {
        rounding.flavourFor(spec);
      } catch (NibbleException e) {
        throw new NibbleException(where + ".grid: " + e.getMessage(), NibbleException.USAGE, e);
      }
    }
  }

  /**
   * Reads the options.
   *
   * @param rounding what the specs are rounded with; a grid that contradicts a spec is refused
   * @param check refuses specs that the solver cannot do, by throwing; not asked about the
   *     embedding, which every solver rounds to nearest
   */
  public static SolveTargets from(
      OptionReader options, RoundingOptions rounding, Consumer<QuantSpec> check) {
    return new SolveTargets(options, options.optionalSpec("spec"), rounding, check);
  }

  /**
   * As {@link #from}, for a solver with a form of its own and no option {@code spec}.
   *
   * @param spec stands for that form
   */
  public static SolveTargets withForm(
      OptionReader options, QuantSpec spec, Consumer<QuantSpec> check) {
    return new SolveTargets(options, Optional.of(spec), RoundingOptions.DEFAULT, check);
  }

  /** The options {@code grid}, {@code clip} and {@code clip_norm}. */
  public static RoundingOptions rounding(OptionReader options) {
    return new RoundingOptions(
        options.choice("grid", null, GridFlavour.class),
        options.choice("clip", Clip.NONE, Clip.class),
        options.real("clip_norm", RoundingOptions.DEFAULT.clipNorm(), 0.1, 10));
  }

  private static List<ModuleSpec> overrides(OptionReader map, Consumer<QuantSpec> check) {
    List<ModuleSpec> out = new ArrayList<>();
    for (String name : map.keys()) {
      boolean none = "none".equals(map.text(name, ""));
      Optional<QuantSpec> spec = none ? Optional.empty() : Optional.of(map.spec(name));
      spec.ifPresent(check);
      out.add(new ModuleSpec(OptionReader.pattern(name, map.where()), spec));
    }
    return List.copyOf(out);
  }

  /**
   * What a site is to be stored as; empty to leave it alone.
   *
   * @param decided what an allocate step decided for the site, if one did
   * @throws NibbleException when neither the options nor an allocate step say
   */
  public Optional<Assignment> assignment(Site site, Optional<Assignment> decided) {
    String name = site.name();
    if (site.kind() == Site.Kind.EMBEDDING) {
      return uniform(embedding, decided);
    }
    if (name.equals(TensorNames.HEAD)) {
      return uniform(head, decided);
    }
    boolean chosen =
        site.kind() == Site.Kind.LINEAR
            && name.startsWith("model.layers.")
            && (targets.isEmpty() || found(targets, name))
            && !found(ignore, name);
    if (!chosen) {
      return Optional.empty();
    }
    for (ModuleSpec override : overrides) {
      if (override.pattern().matcher(name).find()) {
        return override.spec().map(Assignment.Uniform::new);
      }
    }
    Optional<Assignment> found = uniform(spec, decided);
    if (found.isEmpty() && decided.isEmpty()) {
      throw new NibbleException(
          where
              + ".spec: is missing, and no allocate step before it decides for "
              + name
              + "; write spec: int4:g128, say",
          NibbleException.USAGE,
          null);
    }
    return found;
  }

  private static Optional<Assignment> uniform(
      Optional<QuantSpec> own, Optional<Assignment> decided) {
    return decided.isPresent()
        ? decided.filter(a -> !(a instanceof Assignment.Kept))
        : own.map(Assignment.Uniform::new);
  }

  /** True when the options or an allocate step choose the site. */
  public boolean targets(Site site, Optional<Assignment> decided) {
    return assignment(site, decided).isPresent();
  }

  /**
   * The parts of a site's weight, for a solver that does each by itself; empty to leave it alone.
   */
  public Optional<Parts> parts(Site site, Optional<Assignment> decided) {
    return assignment(site, decided).map(a -> Parts.of(a, site.outputs(), site.inputs()));
  }

  /**
   * As {@link #parts}, for a solver whose rows are independent, but not its columns.
   *
   * @throws NibbleException when an allocate step has given columns specs of their own
   */
  public Optional<Parts> rowParts(Site site, Optional<Assignment> decided) {
    Optional<Assignment> found = assignment(site, decided);
    if (found.isPresent() && found.get() instanceof Assignment.Columns) {
      throw refusal("columns", site);
    }
    return found.map(a -> Parts.of(a, site.outputs(), site.inputs()));
  }

  private NibbleException refusal(String parts, Site site) {
    return new NibbleException(
        where
            + ": an allocate step gives "
            + parts
            + " of "
            + site.name()
            + " specs of their own, which this solver cannot store; use gptq, or allocate whole"
            + " weights",
        NibbleException.USAGE,
        null);
  }

  /**
   * The one spec of a site's weight; empty to leave it alone.
   *
   * @throws NibbleException when an allocate step has given parts of the weight specs of their own,
   *     which the caller cannot do
   */
  public Optional<QuantSpec> specOf(Site site, Optional<Assignment> decided) {
    return assignment(site, decided)
        .map(
            assignment -> {
              if (assignment instanceof Assignment.Uniform uniform) {
                return uniform.spec();
              }
              throw refusal("parts", site);
            });
  }

  private static boolean found(List<Pattern> patterns, String name) {
    return patterns.stream().anyMatch(p -> p.matcher(name).find());
  }

  /** Why the options do not fit a model: each a clause for {@code Step.objections}. */
  public List<String> objections(ModelConfig config) {
    List<String> out = new ArrayList<>();
    if (head.isPresent() && config.tiedHead()) {
      out.add(
          "head: cannot have a spec of its own because the model's head is its embedding; use"
              + " embedding: for both");
    }
    List<String> names =
        TensorLayout.all(config).keySet().stream()
            .filter(name -> name.startsWith("model.layers.") && name.endsWith(".weight"))
            .map(name -> name.substring(0, name.length() - ".weight".length()))
            .toList();
    Stream.concat(
            Stream.concat(targets.stream(), ignore.stream()),
            overrides.stream().map(ModuleSpec::pattern))
        .filter(pattern -> names.stream().noneMatch(name -> pattern.matcher(name).find()))
        .forEach(
            pattern ->
                out.add(
                    "the pattern \""
                        + pattern
                        + "\" is found in no site name; they look like "
                        + TensorNames.layer(0, TensorNames.O)));
    return List.copyOf(out);
  }
}

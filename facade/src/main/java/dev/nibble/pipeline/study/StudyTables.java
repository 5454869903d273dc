package dev.nibble.pipeline.study;

import dev.nibble.compress.recipe.StepRegistry;
import dev.nibble.eval.report.Figures;
import dev.nibble.eval.report.Section;
import dev.nibble.eval.report.Unit;
import dev.nibble.pipeline.provenance.Fidelity;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;

/** The tables and figures of a study. */
final class StudyTables {
  private final StudyResult result;
  private final String ranking;

  StudyTables(StudyResult result) {
    this.result = result;
    this.ranking = result.datasets().getFirst();
  }

  /** The tables that answer the question, the first things to read. */
  List<Section.Table> answers() {
    List<Section.Table> out = new ArrayList<>();
    if (!result.study().claims().isEmpty()) {
      result.models().forEach(model -> out.add(claims(model)));
      return out;
    }
    for (String model : result.models()) {
      out.add(rows(model));
      if (varying().contains("bits")) {
        out.add(byBits(model, "kld", "KL divergence by bit width", row -> row.kld(ranking)));
        out.add(
            byBits(
                model,
                "perplexity",
                "Perplexity by bit width",
                row ->
                    row.measured().containsKey(ranking)
                        ? row.measured().get(ranking).perplexityAfter().value()
                        : Double.NaN));
        out.add(advice(model));
      }
    }
    if (result.models().size() > 1) {
      out.add(acrossModels());
    }
    return out;
  }

  private String titled(String heading, String model) {
    return result.models().size() > 1 ? model + ": " + heading : heading;
  }

  private static String key(String what, String model) {
    return what + "-" + model;
  }

  private Section.Table claims(String model) {
    List<List<String>> rows = new ArrayList<>();
    int held = 0;
    for (StudyResult.Verdict verdict : result.verdicts(model)) {
      Claim claim = verdict.claim();
      held += verdict.holds() ? 1 : 0;
      Map<String, Double> kld = StudyResult.Verdict.figures(verdict.rows(), ranking);
      Map<String, Double> ppl = new LinkedHashMap<>();
      verdict
          .rows()
          .forEach(
              (name, row) -> {
                Fidelity f = row.measured().get(ranking);
                ppl.put(name, f == null ? Double.NaN : f.perplexityAfter().value());
              });
      String perplexities =
          String.join(
              ", ",
              claim.expectation().names().stream()
                  .map(name -> Figures.text(ppl.getOrDefault(name, Double.NaN), Unit.PERPLEXITY))
                  .toList());
      rows.add(
          List.of(
              claim.method(),
              claim.text(),
              claim.expectation().toString(),
              claim.expectation().with(kld),
              perplexities,
              problem(verdict).isEmpty()
                  ? verdict.holds() ? "holds" : "does not hold"
                  : "not measured: " + problem(verdict)));
    }
    return new Section.Table(
        key("claims", model),
        titled("Claims", model),
        held + " of " + rows.size() + " relations hold, by mean KL divergence.",
        List.of("method", "<claim", "<expected", "<KL divergence", "<perplexity", "<verdict"),
        rows);
  }

  private static String problem(StudyResult.Verdict verdict) {
    return verdict.rows().values().stream()
        .map(row -> row.cell().problem())
        .filter(text -> !text.isEmpty())
        .findFirst()
        .orElse("");
  }

  private List<String> varying() {
    return result.study().entries().stream()
        .flatMap(e -> e.settings().keySet().stream())
        .distinct()
        .toList();
  }

  /** Every row of a model. */
  private Section.Table rows(String model) {
    return grid(key("rows", model), titled("All results", model), result.of(model), false);
  }

  Section.Table everything() {
    return grid("all", "All results", result.rows(), true);
  }

  private Section.Table grid(
      String key, String heading, List<StudyResult.Row> shown, boolean withModel) {
    List<String> heads = new ArrayList<>();
    if (withModel) {
      heads.add("model");
    }
    heads.addAll(List.of("<method", "<class"));
    varying().forEach(v -> heads.add("<" + v));
    heads.addAll(List.of("bits/weight", "size"));
    for (String dataset : result.datasets()) {
      String suffix = result.datasets().size() > 1 ? " " + dataset : "";
      heads.addAll(List.of("KL divergence" + suffix, "perplexity" + suffix));
    }
    heads.addAll(List.of("time", "memory", "<why not"));
    List<List<String>> rows = new ArrayList<>();
    for (StudyResult.Row row : shown) {
      List<String> cells = new ArrayList<>();
      if (withModel) {
        cells.add(row.cell().model());
      }
      cells.addAll(List.of(row.entry().method(), row.entry().category()));
      varying().forEach(v -> cells.add(row.entry().settings().getOrDefault(v, "")));
      cells.addAll(measures(row));
      rows.add(cells);
    }
    return new Section.Table(key, heading, "", heads, rows);
  }

  private List<String> measures(StudyResult.Row row) {
    List<String> out = new ArrayList<>();
    var made = row.cell().result();
    out.add(made.map(r -> Figures.text(r.provenance().bitsPerWeight(), Unit.BITS)).orElse(""));
    out.add(
        made.map(r -> Figures.text((double) r.provenance().fileBytes(), Unit.BYTES)).orElse(""));
    for (String dataset : result.datasets()) {
      Fidelity f = row.measured().get(dataset);
      out.add(
          f == null ? "" : Figures.withError(f.kld().value(), f.kld().standardError(), Unit.NATS));
      out.add(f == null ? "" : Figures.text(f.perplexityAfter().value(), Unit.PERPLEXITY));
    }
    out.add(made.map(r -> Figures.text(r.log().seconds(), Unit.SECONDS)).orElse(""));
    out.add(made.map(r -> Figures.text((double) r.log().memoryBytes(), Unit.BYTES)).orElse(""));
    out.add(row.cell().problem());
    return out;
  }

  /** A method's rows under everything but bits, against bits. */
  private Section.Table byBits(
      String model, String what, String heading, Function<StudyResult.Row, Double> figure) {
    TreeSet<Integer> widths = new TreeSet<>(Comparator.reverseOrder());
    Map<String, Map<Integer, Double>> methods = new LinkedHashMap<>();
    for (StudyResult.Row row : result.of(model)) {
      String bits = row.entry().settings().get("bits");
      if (bits != null && bits.matches("\\d+")) {
        int width = Integer.parseInt(bits);
        widths.add(width);
        methods
            .computeIfAbsent(label(row.entry()), m -> new LinkedHashMap<>())
            .put(width, figure.apply(row));
      }
    }
    List<String> heads = new ArrayList<>(List.of("method"));
    widths.forEach(w -> heads.add(w + " bits"));
    List<List<String>> rows = new ArrayList<>();
    methods.forEach(
        (method, figures) -> {
          List<String> cells = new ArrayList<>(List.of(method));
          for (int width : widths) {
            double value = figures.getOrDefault(width, Double.NaN);
            cells.add(Figures.text(value, what.equals("kld") ? Unit.NATS : Unit.PERPLEXITY));
          }
          rows.add(cells);
        });
    return new Section.Table(key(what, model), titled(heading, model), "", heads, rows);
  }

  /** Method and all its settings but the bits. */
  private static String label(StudyEntry entry) {
    StringBuilder out = new StringBuilder(entry.method());
    entry
        .settings()
        .forEach(
            (name, value) -> {
              if (!name.equals("bits")) {
                out.append(' ').append(value);
              }
            });
    return out.toString();
  }

  /** The closest results at each width, best first. */
  private Section.Table advice(String model) {
    Map<String, List<StudyResult.Row>> byBits = new LinkedHashMap<>();
    result.of(model).stream()
        .filter(row -> Double.isFinite(row.kld(ranking)))
        .filter(row -> row.entry().settings().containsKey("bits"))
        .forEach(
            row ->
                byBits
                    .computeIfAbsent(row.entry().settings().get("bits"), b -> new ArrayList<>())
                    .add(row));
    List<List<String>> rows = new ArrayList<>();
    byBits.forEach(
        (bits, found) -> {
          found.sort(Comparator.comparingDouble(row -> row.kld(ranking)));
          List<String> ranked =
              found.stream()
                  .limit(3)
                  .map(
                      row ->
                          label(row.entry())
                              + " ("
                              + Figures.text(row.kld(ranking), Unit.NATS)
                              + ")")
                  .toList();
          rows.add(List.of(bits, String.join(", ", ranked)));
        });
    return new Section.Table(
        key("advice", model),
        titled("Closest to the original at each width", model),
        "By mean KL divergence on " + ranking + ".",
        List.of("bits", "<best first"),
        rows);
  }

  /** Each entry's divergence on every model. */
  private Section.Table acrossModels() {
    List<String> heads = new ArrayList<>(List.of("recipe"));
    heads.addAll(result.models());
    List<List<String>> rows = new ArrayList<>();
    for (StudyEntry entry : result.study().entries()) {
      List<String> cells = new ArrayList<>(List.of(entry.id()));
      for (String model : result.models()) {
        cells.add(
            result
                .find(model, entry.id())
                .map(
                    row ->
                        row.cell().problem().isEmpty()
                            ? Figures.text(row.kld(ranking), Unit.NATS)
                            : "not applicable")
                .orElse(""));
      }
      rows.add(cells);
    }
    return new Section.Table(
        "models", "The same recipes across models", "KL divergence, nats.", heads, rows);
  }

  Section.Table taxonomy() {
    StepRegistry registry = StepRegistry.load();
    List<List<String>> rows = new ArrayList<>();
    for (Study.MethodClass c : result.study().classes()) {
      for (Study.Member member : c.members()) {
        boolean here = registry.all().stream().anyMatch(f -> f.name().equals(member.step()));
        rows.add(
            List.of(c.name(), member.name(), member.idea(), here ? "step " + member.step() : "no"));
      }
    }
    return new Section.Table(
        "taxonomy", "Taxonomy", "", List.of("class", "<method", "<idea", "<in Nibble"), rows);
  }

  /** Size against perplexity, one line for each model and method. */
  List<Section> figures() {
    List<Section> out = new ArrayList<>();
    List<Section.Series> lines = new ArrayList<>();
    for (String model : result.models()) {
      Map<String, List<StudyResult.Row>> byMethod = new LinkedHashMap<>();
      result.of(model).stream()
          .filter(row -> Double.isFinite(row.kld(ranking)) && row.cell().result().isPresent())
          .forEach(
              row -> byMethod.computeIfAbsent(label(row.entry()), m -> new ArrayList<>()).add(row));
      byMethod.forEach(
          (method, rows) -> {
            if (rows.size() > 1) {
              lines.add(line(result.models().size() > 1 ? model + " " + method : method, rows));
            }
          });
    }
    if (!lines.isEmpty()) {
      out.add(
          new Section.Curves(
              "size-bits",
              "Size and bits: logarithm of perplexity against megabytes",
              "MB",
              "ln perplexity",
              lines));
    }
    return out;
  }

  private Section.Series line(String name, List<StudyResult.Row> rows) {
    List<StudyResult.Row> sorted =
        rows.stream()
            .sorted(
                Comparator.comparingLong(
                    row -> row.cell().result().orElseThrow().provenance().fileBytes()))
            .toList();
    return new Section.Series(
        name,
        sorted.stream()
            .map(row -> row.cell().result().orElseThrow().provenance().fileBytes() / 1e6)
            .toList(),
        sorted.stream()
            .map(row -> Math.log(row.measured().get(ranking).perplexityAfter().value()))
            .toList());
  }
}

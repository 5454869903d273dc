package dev.nibble.io.interop;

import dev.nibble.io.json.JsonFields;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The {@code quantization_config} of a compressed-tensors model: which scheme a module has. Names
 * count before expressions ({@code re:...}), expressions before classes ({@code Linear}).
 */
final class CompressedRules {
  private static final String LINEAR = "Linear";
  private static final Set<String> FORMATS =
      Set.of(
          "pack-quantized",
          "int-quantized",
          "naive-quantized",
          "float-quantized",
          "mixed-precision");

  private final List<Target> targets = new ArrayList<>();

  /** How a module is recognised, from most to least specific. */
  private enum Kind {
    NAME,
    EXPRESSION,
    CLASS
  }

  private record Target(Kind kind, String name, ModulePattern pattern, CompressedScheme scheme) {
    boolean matches(String module) {
      return switch (kind) {
        case NAME -> name.equals(module);
        case EXPRESSION -> pattern.matches(module);
        case CLASS -> true;
      };
    }
  }

  CompressedRules(JsonFields json) {
    format(json);
    for (String field : List.of("kv_cache_scheme", "transform_config")) {
      if (json.has(field) && !json.node().get(field).isEmpty()) {
        throw json.problem(field, "is not supported; use a model without it");
      }
    }
    sparsity(json);
    JsonFields groups = json.object("config_groups");
    for (String name : groups.keys()) {
      JsonFields group = groups.object(name);
      if (group.has("format")) {
        format(group);
      }
      CompressedScheme scheme = CompressedScheme.read(group);
      for (String target : group.strings("targets")) {
        targets.add(target(target, scheme));
      }
    }
  }

  private static void format(JsonFields json) {
    String format = json.string("format");
    if (!FORMATS.contains(format)) {
      throw json.problem(
          "format",
          "'"
              + JsonFields.shown(format)
              + "' is not supported; supported are "
              + FORMATS.stream().sorted().toList());
    }
  }

  private static void sparsity(JsonFields json) {
    json.optionalObject("sparsity_config")
        .ifPresent(
            sparsity -> {
              String format = sparsity.optionalString("format").orElse("dense");
              if (!format.equals("dense")) {
                throw sparsity.problem(
                    "format", "'" + JsonFields.shown(format) + "' is not supported; only dense is");
              }
            });
  }

  private static Target target(String text, CompressedScheme scheme) {
    if (text.startsWith("re:")) {
      ModulePattern pattern = ModulePattern.compile(text.substring(3), scheme.json(), "targets");
      return new Target(Kind.EXPRESSION, text, pattern, scheme);
    }
    return new Target(text.equals(LINEAR) ? Kind.CLASS : Kind.NAME, text, null, scheme);
  }

  /** The scheme of a module; empty when no group targets it. */
  Optional<CompressedScheme> of(String module) {
    for (Kind kind : Kind.values()) {
      for (Target target : targets) {
        if (target.kind() == kind && target.matches(module)) {
          return Optional.of(target.scheme());
        }
      }
    }
    return Optional.empty();
  }
}

package dev.nibble.io.interop;

import dev.nibble.io.json.JsonFields;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The {@code quantization_config} of a GPTQ model: bits and group size for all modules, and
 * exemptions by module name in {@code dynamic} (GPTQModel): {@code "+:REGEX": {bits, group_size}}
 * replaces fields, {@code "-:REGEX"} leaves the module plain. The first expression that matches
 * counts.
 *
 * @param base rule of modules without an exemption
 * @param v2 zero-points are stored as they are
 */
record GptqRules(JsonFields json, Rule base, boolean v2, List<Exemption> exemptions) {
  private static final Set<Integer> BITS = Set.of(2, 3, 4, 8);
  private static final int MAX_GROUP = 1 << 24;

  /**
   * @param bits 2, 3, 4 or 8
   * @param groupSize columns per group, -1 for all
   */
  record Rule(int bits, int groupSize) {}

  /**
   * @param plain the module is not quantized
   */
  record Exemption(ModulePattern pattern, boolean plain, Rule rule) {}

  static GptqRules read(JsonFields json) {
    String formatKey = json.spelling("checkpoint_format", "format");
    String format = json.optionalString(formatKey).orElse(GptqLayout.METHOD);
    if (!format.equals(GptqLayout.METHOD) && !format.equals(GptqLayout.V2)) {
      throw json.problem(
          formatKey,
          "'" + JsonFields.shown(format) + "' is not supported; supported are gptq and gptq_v2");
    }
    if (json.flag("is_marlin_format", false)) {
      throw json.problem("is_marlin_format", "weights shuffled for Marlin are not supported");
    }
    if (json.has("adapter")) {
      throw json.problem("adapter", "adapters beside the weights are not supported");
    }
    if (!json.optionalString("pack_dtype").orElse("int32").equals("int32")) {
      throw json.problem("pack_dtype", "only int32 is supported");
    }
    Rule base = rule(json, null);
    List<Exemption> exemptions = new ArrayList<>();
    json.optionalObject("dynamic").ifPresent(d -> exemptions(d, base, exemptions));
    return new GptqRules(json, base, format.equals(GptqLayout.V2), exemptions);
  }

  private static void exemptions(JsonFields dynamic, Rule base, List<Exemption> out) {
    for (String key : dynamic.keys()) {
      boolean plain = key.startsWith("-:");
      String expression = plain || key.startsWith("+:") ? key.substring(2) : key;
      ModulePattern pattern = ModulePattern.compile(expression, dynamic, key);
      out.add(new Exemption(pattern, plain, plain ? base : rule(dynamic.object(key), base)));
    }
  }

  private static Rule rule(JsonFields json, Rule base) {
    int bits =
        base == null ? json.integer("bits", 1, 64) : json.integer("bits", 1, 64, base.bits());
    if (!BITS.contains(bits)) {
      throw json.problem("bits", bits + " is not supported; supported are 2, 3, 4 and 8");
    }
    int groupSize = json.integer("group_size", -1, MAX_GROUP, base == null ? -1 : base.groupSize());
    if (groupSize == 0) {
      throw json.problem("group_size", "0 is no group; -1 stands for whole rows");
    }
    return new Rule(bits, groupSize);
  }

  /** The rule of a module whose weight is stored quantized. */
  Rule of(String module) {
    for (Exemption exemption : exemptions) {
      if (exemption.pattern().matches(module)) {
        if (exemption.plain()) {
          throw json.problem(
              "dynamic",
              "says that " + JsonFields.shown(module) + " is plain, but it is quantized");
        }
        return exemption.rule();
      }
    }
    return base;
  }
}

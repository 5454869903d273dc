package dev.nibble.eval.tasks;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The four categories of MMLU's 57 subjects. */
final class MmluSubjects {
  private static final Map<String, String> CATEGORIES = categories();

  private MmluSubjects() {}

  private static Map<String, String> categories() {
    Map<String, List<String>> subjects =
        Map.of(
            "stem",
            List.of(
                "abstract_algebra",
                "anatomy",
                "astronomy",
                "college_biology",
                "college_chemistry",
                "college_computer_science",
                "college_mathematics",
                "college_physics",
                "computer_security",
                "conceptual_physics",
                "electrical_engineering",
                "elementary_mathematics",
                "high_school_biology",
                "high_school_chemistry",
                "high_school_computer_science",
                "high_school_mathematics",
                "high_school_physics",
                "high_school_statistics",
                "machine_learning"),
            "humanities",
            List.of(
                "formal_logic",
                "high_school_european_history",
                "high_school_us_history",
                "high_school_world_history",
                "international_law",
                "jurisprudence",
                "logical_fallacies",
                "moral_disputes",
                "moral_scenarios",
                "philosophy",
                "prehistory",
                "professional_law",
                "world_religions"),
            "social_sciences",
            List.of(
                "econometrics",
                "high_school_geography",
                "high_school_government_and_politics",
                "high_school_macroeconomics",
                "high_school_microeconomics",
                "high_school_psychology",
                "human_sexuality",
                "professional_psychology",
                "public_relations",
                "security_studies",
                "sociology",
                "us_foreign_policy"),
            "other",
            List.of(
                "business_ethics",
                "clinical_knowledge",
                "college_medicine",
                "global_facts",
                "human_aging",
                "management",
                "marketing",
                "medical_genetics",
                "miscellaneous",
                "nutrition",
                "professional_accounting",
                "professional_medicine",
                "virology"));
    Map<String, String> result = new HashMap<>();
    subjects.forEach((category, names) -> names.forEach(n -> result.put(n, category)));
    return result;
  }

  /** Category of a subject, "" if it is none of MMLU's. */
  static String category(String subject) {
    return CATEGORIES.getOrDefault(subject, "");
  }
}

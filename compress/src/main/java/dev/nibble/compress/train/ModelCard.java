package dev.nibble.compress.train;

import dev.nibble.core.model.ModelConfig;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Text of a trained model's {@code README.md}: shape, sources with licences, held-out figures. */
final class ModelCard {
  private ModelCard() {}

  static String text(
      TrainRecipe recipe,
      TrainingText text,
      ModelConfig config,
      long parameters,
      TrainingCurve curve) {
    Formatter out = new Formatter(Locale.ROOT);
    Schedule schedule = recipe.schedule();
    out.format("# %s\n", recipe.name());
    out.format("\n");
    out.format(
        "A %s-shaped language model of %,d parameters, trained from scratch by `nibble train`.\n",
        config.moe().present() ? "Mixtral" : "Llama", parameters);
    out.format("\n");
    out.format("| | |\n");
    out.format("|---|---|\n");
    out.format(
        "| layers, width, FFN | %d, %d, %d |\n",
        config.layers(), config.hiddenSize(), config.ffnSize());
    if (config.moe().present()) {
      out.format(
          "| experts | %d, of which a token uses %d |\n",
          config.moe().experts(), config.moe().topK());
    }
    out.format("| query heads, key/value heads | %d, %d |\n", config.heads(), config.kvHeads());
    out.format("| vocabulary, context | %d, %d |\n", config.vocabSize(), config.maxPositions());
    out.format(
        "| training | %,d steps of %,d tokens, seed %d |\n",
        schedule.steps(), (long) schedule.batch() * schedule.length(), recipe.seed());
    out.format("\n");
    sources(out, text.parts());
    figures(out, text.parts(), curve);
    return out.toString();
  }

  private static void sources(Formatter out, List<TrainingText.Part> parts) {
    double total = parts.stream().mapToDouble(p -> p.source().weight()).sum();
    out.format("## Text\n");
    out.format("\n");
    out.format("| source | share | characters | origin | licence |\n");
    out.format("|---|---|---|---|---|\n");
    for (TrainingText.Part part : parts) {
      TextSource source = part.source();
      out.format(
          "| %s | %.0f %% | %,d | %s | %s |\n",
          source.name(),
          100 * source.weight() / total,
          part.characters(),
          source.origin(),
          source.licence());
    }
    out.format("\n");
  }

  private static void figures(Formatter out, List<TrainingText.Part> parts, TrainingCurve curve) {
    Map<String, Double> bits = curve.evaluations().getLast().bitsPerCharacter();
    out.format("## Held-out text\n");
    out.format("\n");
    out.format("Bits per character on documents kept from training, each read from its start.\n");
    out.format("\n");
    out.format("| source | characters | bits per character |\n");
    out.format("|---|---|---|\n");
    for (TrainingText.Part part : parts) {
      Double value = bits.get(part.source().name());
      if (value != null) {
        long characters = part.heldOut().stream().mapToLong(String::length).sum();
        out.format("| %s | %,d | %.3f |\n", part.source().name(), characters, value);
      }
    }
  }
}

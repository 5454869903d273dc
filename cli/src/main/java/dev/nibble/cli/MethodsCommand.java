package dev.nibble.cli;

import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.Presets;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.StepRegistry;
import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble methods}: what recipes can be made of. */
@Command(
    name = "methods",
    mixinStandardHelpOptions = true,
    description = "Lists the steps recipes are made of, and the recipes that come with Nibble.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble methods              all steps, grouped by what they do",
      "  nibble methods --recipes    all presets with a line each",
      "  nibble methods gptq-w4      one preset as YAML, to copy and change",
    })
final class MethodsCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Option(names = "--recipes", description = "List the presets instead of the steps.")
  private boolean recipes;

  @Parameters(
      arity = "0..1",
      paramLabel = "RECIPE",
      description = "Preset or recipe file to print with every default written out.")
  private String recipe;

  @Override
  public void run() {
    PrintWriter out = spec.commandLine().getOut();
    if (recipe != null) {
      out.print(Presets.load(recipe).toYaml());
    } else if (recipes) {
      printRecipes(out);
    } else {
      printSteps(out);
    }
    out.flush();
  }

  private static void printRecipes(PrintWriter out) {
    int width = Presets.names().stream().mapToInt(String::length).max().orElse(0);
    for (String name : Presets.names()) {
      Recipe preset = Presets.load(name);
      out.println(("  %-" + width + "s  %s").formatted(name, preset.summary()));
    }
    out.println();
    out.println("Print one with: nibble methods NAME");
  }

  private static void printSteps(PrintWriter out) {
    StepFactory.Taxonomy room = null;
    for (StepFactory factory : StepRegistry.load().all()) {
      if (factory.taxonomy() != room) {
        room = factory.taxonomy();
        out.println(room.name().toLowerCase(Locale.ROOT));
      }
      out.println("  %-14s %s".formatted(factory.name(), factory.summary()));
      out.println("  %-14s %s".formatted("", factory.source()));
    }
    out.println();
    out.println("Recipes that use them: nibble methods --recipes");
  }
}

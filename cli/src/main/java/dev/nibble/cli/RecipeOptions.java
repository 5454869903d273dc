package dev.nibble.cli;

import dev.nibble.Nibble;
import dev.nibble.QuantizationRequest;
import dev.nibble.core.progress.Progress;
import dev.nibble.pipeline.scores.CacheFolder;
import java.nio.file.Path;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What {@code quantize} and {@code plan} have in common. */
final class RecipeOptions {
  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.HELP)
  private String model;

  @Option(
      names = {"-r", "--recipe"},
      paramLabel = "RECIPE",
      description =
          "Preset or recipe file (default: ${DEFAULT-VALUE}); see nibble methods --recipes.")
  private String recipe = "default";

  @ArgGroup(exclusive = true)
  private Budget budget;

  /** How much the result may weigh. */
  static final class Budget {
    @Option(
        names = "--size",
        paramLabel = "SIZE",
        description =
            "Size of the weights file, as 2.4GiB: gives every weight the format that serves it best"
                + " within that. A second size takes seconds.")
    private String size;

    @Option(
        names = "--bits",
        paramLabel = "N",
        description = "The same for stored bits a weight, as 2.8.")
    private Double bits;
  }

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      description = "Most memory, as 6g; refuses with what would fit. Does not change the result.")
  private String memory;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads (default: all processors). Does not change the result.")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Mixin private DataOptions data;

  @Mixin private HubOptions hub;

  /** The model as the user wrote it. */
  String model() {
    return model;
  }

  /** The recipe as the user wrote it. */
  String recipe() {
    return recipe;
  }

  /** Recipe and budget, for the name of the result. */
  String shortName() {
    String name = Path.of(recipe).getFileName().toString().replaceFirst("\\.ya?ml$", "");
    if (budget == null) {
      return name;
    }
    return name + "-" + (budget.size == null ? budget.bits + "bits" : budget.size.strip());
  }

  /** Where data ids lead. */
  DataOptions data() {
    return data;
  }

  /** The façade's request for these options. */
  QuantizationRequest request(Progress progress) {
    QuantizationRequest request =
        Nibble.quantize(ModelArgument.resolve(model, hub))
            .recipe(recipe)
            .threads(threads)
            .data(data.catalog(hub))
            .progress(progress);
    CacheFolder.of(System.getenv(), System.getProperty("user.home")).ifPresent(request::cache);
    if (budget != null && budget.size != null) {
      request.size(budget.size);
    } else if (budget != null) {
      request.bits(budget.bits);
    }
    return memory == null ? request : request.memory(memory);
  }
}

package dev.nibble.cli;

import dev.nibble.Nibble;
import dev.nibble.QuantizationRequest;
import dev.nibble.core.progress.Progress;
import dev.nibble.pipeline.scores.CacheFolder;
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
    return memory == null ? request : request.memory(memory);
  }
}

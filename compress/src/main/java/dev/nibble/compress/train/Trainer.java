package dev.nibble.compress.train;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.io.file.DiskTrouble;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.ResidentModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Trains a language model from scratch: learns the tokenizer, packs the text, optimizes with AdamW,
 * and writes a Hugging Face directory.
 *
 * <p>Checkpoints lie in {@code checkpoint/} of the output directory while a run is under way; the
 * same call goes on from the last one and ends with the same bytes as a run that never stopped. The
 * model written is the one with the lowest held-out loss seen, or the last one without held-out
 * text. Threads run micro-batches in parallel and change nothing in the result.
 */
public final class Trainer {
  /** Standard deviation of fresh matrices. */
  static final double DEVIATION = 0.02;

  private Trainer() {}

  /**
   * How to run, apart from what the recipe says.
   *
   * @param threads at least 1
   * @param files what <code>${key}</code> in a source's path stands for
   * @param stopAfter steps after which to stop with a checkpoint, as if interrupted
   */
  public record Options(int threads, Map<String, Path> files, int stopAfter) {
    /** Copies the map. */
    public Options {
      files = Map.copyOf(files);
    }

    /** All steps, no local files. */
    public static Options threads(int threads) {
      return new Options(threads, Map.of(), Integer.MAX_VALUE);
    }
  }

  /**
   * What came out.
   *
   * @param finished false when {@code stopAfter} ended the run early; no model is written then
   * @param parameters numbers in the model
   * @param curve course of the training
   * @param tokensPerSecond measured over the steps of this call
   */
  public record Result(
      boolean finished, long parameters, TrainingCurve curve, double tokensPerSecond) {}

  /**
   * Runs or resumes a training.
   *
   * @param out directory of the model, made when absent
   * @throws NibbleException when a source cannot be read, or {@code out} holds the checkpoint of
   *     another recipe or text
   */
  public static Result train(TrainRecipe recipe, Path out, Options options, Progress progress) {
    TrainingText text = TrainingText.read(recipe, options.files());
    TokenCorpus corpus = TokenCorpus.build(recipe, text);
    describe(text, corpus, progress);
    ModelConfig config = recipe.model().config(corpus.tokenizer().vocabSize());
    Path checkpoints = out.resolve("checkpoint");
    create(checkpoints);
    try (Workers workers = new Workers(options.threads());
        ResidentModel model =
            DecoderModel.open(InMemoryWeights.random(config, DEVIATION, recipe.seed())).loadAll()) {
      TrainingRun run = new TrainingRun(recipe, corpus, model, checkpoints, workers, progress);
      TrainingRun.Outcome outcome = run.go(options.stopAfter());
      long parameters = model.parameters().values().stream().mapToLong(Tensor::numel).sum();
      TrainingCurve curve = outcome.curve();
      if (outcome.finished()) {
        String card = ModelCard.text(recipe, text, config, parameters, curve);
        TrainedModelFiles.write(out, recipe, model, corpus.tokenizer(), curve, card);
      }
      return new Result(outcome.finished(), parameters, curve, outcome.tokensPerSecond());
    }
  }

  private static void describe(TrainingText text, TokenCorpus corpus, Progress progress) {
    for (int s = 0; s < text.parts().size(); s++) {
      TrainingText.Part part = text.parts().get(s);
      progress.note(
          "source=\"%s\" documents=%d characters=%d tokens=%d held_out_documents=%d"
              .formatted(
                  part.source().name(),
                  part.training().size(),
                  part.characters(),
                  corpus.streams().get(s).length(),
                  part.heldOut().size()));
    }
  }

  private static void create(Path directory) {
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw DiskTrouble.writing(directory, e);
    }
  }
}

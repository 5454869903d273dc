package dev.nibble.eval.perplexity;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.scoring.Logits;
import dev.nibble.eval.scoring.RowPass;
import dev.nibble.eval.scoring.Window;
import dev.nibble.eval.statistics.Sample;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Measures perplexity. The result does not depend on the number of worker threads. */
public final class Perplexity {
  private Perplexity() {}

  /**
   * Perplexity per token of one text.
   *
   * @param protocol {@code gptq}, {@code strided} or {@code llamacpp}
   * @throws NibbleException if the text is too short, the window too long, or a token unknown
   */
  public static PerplexityResult measure(
      LanguageModel model,
      TokenizedText text,
      Protocol protocol,
      Workers workers,
      Progress progress) {
    Protocol resolved = protocol.resolve(model.contextLength());
    List<Window> windows = Windows.of(text, resolved);
    Scores scores = score(model, windows, workers, progress);
    return PerplexityResult.perToken(
        scores.nll(), resolved, text.id(), windows.size(), scores.errors());
  }

  /**
   * Perplexity per word and per byte of documents (the {@code harness} protocol).
   *
   * @param data id of the documents, for the report
   * @param prefix token that precedes each document: BOS, or EOS where there is none
   * @param protocol of kind {@code harness}
   * @throws NibbleException if there is nothing to score
   */
  public static PerplexityResult measureDocuments(
      LanguageModel model,
      String data,
      List<Document> documents,
      int prefix,
      Protocol protocol,
      Workers workers,
      Progress progress) {
    if (protocol.kind() != Protocol.Kind.HARNESS) {
      throw new NibbleException("documents are scored with the harness protocol only");
    }
    Protocol resolved = protocol.resolve(model.contextLength());
    List<Document> scored =
        protocol.limit() > 0 && documents.size() > protocol.limit()
            ? documents.subList(0, protocol.limit())
            : documents;
    List<Window> windows = new ArrayList<>();
    long words = 0;
    long bytes = 0;
    for (Document document : scored) {
      windows.addAll(RollingWindows.of(document.tokens(), prefix, resolved.window()));
      words += document.words();
      bytes += document.bytes();
    }
    if (windows.isEmpty()) {
      throw new NibbleException("perplexity: \"" + data + "\" has no tokens to score");
    }
    Scores scores = score(model, windows, workers, progress);
    return PerplexityResult.perWord(
        scores.nll(), words, bytes, resolved, data, windows.size(), scores.errors());
  }

  private record Scores(Sample nll, long errors) {}

  private static Scores score(
      LanguageModel model, List<Window> windows, Workers workers, Progress progress) {
    int total = windows.stream().mapToInt(w -> w.targets().length).sum();
    double[] nll = new double[total];
    RowPass pass = new RowPass(model, workers);
    int vocab = model.vocabSize();
    int done = 0;
    try (Progress.Task task = progress.start("perplexity", windows.size(), "windows")) {
      for (Window window : windows) {
        int first = done;
        pass.run(
            window,
            (target, row, offset) ->
                nll[first + target] =
                    Logits.logSumExp(row, offset, vocab) - row[offset + window.targets()[target]]);
        done += window.targets().length;
        task.advance(1);
      }
    }
    double[] finite = Arrays.stream(nll).filter(Double::isFinite).toArray();
    return new Scores(new Sample(finite), total - finite.length);
  }
}

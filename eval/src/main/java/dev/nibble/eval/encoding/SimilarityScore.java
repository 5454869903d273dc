package dev.nibble.eval.encoding;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.model.Encoder;
import dev.nibble.core.progress.Progress;
import dev.nibble.eval.statistics.RankCorrelation;
import dev.nibble.io.data.Records;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Semantic textual similarity (Cer et al. 2017): Spearman's correlation between the cosine of two
 * sentences' vectors and the mean judgement of people. A set is a CSV of {@code sentence, sentence,
 * score} rows without a header.
 */
public final class SimilarityScore {
  /** Task name of the STS benchmark's test part. */
  public static final String STSB = "stsb";

  /** Where it lies in the data directory. */
  public static final String STSB_FILE = "stsb-en/test.csv.gz";

  private SimilarityScore() {}

  /** Two sentences and how alike people find them. */
  public record Pair(String first, String second, double score) {}

  /**
   * Reads a set.
   *
   * @param limit only the first pairs, 0 for all
   */
  public static List<Pair> read(Path file, int limit) {
    List<Pair> out = new ArrayList<>();
    try (Records rows = Records.bare(file, List.of("first", "second", "score"))) {
      while (rows.hasNext() && (limit == 0 || out.size() < limit)) {
        ObjectNode row = rows.next();
        out.add(
            new Pair(
                row.path("first").asText(),
                row.path("second").asText(),
                row.path("score").asDouble()));
      }
    }
    return out;
  }

  /**
   * The correlation, -1 to 1.
   *
   * @param tokens a text as the model takes it
   */
  public static double measure(
      Encoder encoder, List<Pair> pairs, Function<String, int[]> tokens, Progress progress) {
    double[] cosines = new double[pairs.size()];
    double[] scores = new double[pairs.size()];
    try (Progress.Task task = progress.start(STSB, pairs.size(), "pairs")) {
      for (int i = 0; i < cosines.length; i++) {
        Pair pair = pairs.get(i);
        float[] a = encoder.embed(tokens.apply(pair.first()));
        cosines[i] = EncoderDistance.dot(a, encoder.embed(tokens.apply(pair.second())));
        scores[i] = pair.score();
        task.advance(1);
      }
    }
    return RankCorrelation.spearman(cosines, scores);
  }
}

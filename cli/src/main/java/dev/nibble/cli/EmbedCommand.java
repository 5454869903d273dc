package dev.nibble.cli;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.EncoderConfig;
import dev.nibble.eval.report.TextTable;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.TextEncoder;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble embed}: vectors of texts. */
@Command(
    name = "embed",
    mixinStandardHelpOptions = true,
    description =
        "Turns texts into vectors of length 1, with an encoder or with a decoder's vectors before"
            + " its head: a JSON array on a line for each.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble embed MINILM \"Once upon a time\"",
      "  nibble embed OUT \"a cat sat down\" \"the kitten rests\" --similarity",
      "  nibble embed LLAMA \"a cat sat down\" --pooling mean",
    })
final class EmbedCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.HELP)
  private String model;

  @Parameters(index = "1..*", arity = "1..*", paramLabel = "TEXT", description = "Texts.")
  private List<String> texts;

  @Option(
      names = "--similarity",
      description = "Print the cosine of every two texts instead of the vectors.")
  private boolean similarity;

  @Option(
      names = "--pooling",
      paramLabel = "WAY",
      description =
          "How the vectors of a text's tokens become one: ${COMPLETION-CANDIDATES}; first is [CLS]"
              + " (default: as the model says, else an encoder's mean and a decoder's last).")
  private EncoderConfig.Pooling pooling;

  @Option(names = "--threads", paramLabel = "N", description = "Threads (default: all processors).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Mixin private HubOptions hub;

  @Override
  public void run() {
    if (similarity && texts.size() < 2) {
      throw new NibbleException("--similarity compares texts; give at least two");
    }
    List<float[]> vectors = new ArrayList<>();
    RuntimeOptions options = RuntimeOptions.DEFAULT.withThreads(threads);
    try (TextEncoder encoder = TextEncoder.load(ModelArgument.resolve(model, hub), options)) {
      EncoderConfig.Pooling way = pooling == null ? encoder.config().encoder().pooling() : pooling;
      texts.forEach(text -> vectors.add(encoder.embed(text, way)));
    }
    PrintWriter out = spec.commandLine().getOut();
    if (similarity) {
      out.print(cosines(vectors).toText());
    } else {
      vectors.forEach(v -> out.println(json(v)));
    }
    out.flush();
  }

  private TextTable cosines(List<float[]> vectors) {
    List<String> head = new ArrayList<>(List.of("text"));
    for (int i = 0; i < vectors.size(); i++) {
      head.add(Integer.toString(i + 1));
    }
    TextTable table = new TextTable(head.toArray(String[]::new)).left(0);
    for (int i = 0; i < vectors.size(); i++) {
      List<String> row = new ArrayList<>(List.of(i + 1 + " " + texts.get(i)));
      for (float[] other : vectors) {
        double cosine = 0;
        for (int d = 0; d < other.length; d++) {
          cosine += (double) vectors.get(i)[d] * other[d];
        }
        row.add(String.format(Locale.ROOT, "%.4f", cosine));
      }
      table.row(row.toArray(String[]::new));
    }
    return table;
  }

  private static String json(float[] vector) {
    StringBuilder out = new StringBuilder("[");
    for (int i = 0; i < vector.length; i++) {
      out.append(i == 0 ? "" : ", ").append(vector[i]);
    }
    return out.append(']').toString();
  }
}

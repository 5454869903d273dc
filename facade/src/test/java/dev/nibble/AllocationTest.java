package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.allocate.AllocationReport;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.NibbleException;
import dev.nibble.pipeline.plan.Plan;
import dev.nibble.testing.TinyLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Steps that share out bits, through the whole pipeline. */
class AllocationTest {
  @TempDir Path folder;
  private Path model;
  private Path text;

  @BeforeEach
  void prepare() {
    model = new TinyLlama(4, 64, 96, false).write(folder.resolve("model"), 1);
    text = TinyLlama.text(folder.resolve("text.txt"));
  }

  private QuantizationRequest request(String step) {
    String recipe =
        "calibration: { data: '"
            + text
            + "', samples: 4, length: 64 }\nsteps: [ { "
            + step
            + " }, { gptq: { head: int8:channel } } ]";
    return Nibble.quantize(model).recipe(Recipe.parse(recipe, "mixed")).threads(2);
  }

  private static String lim(long bytes) {
    return "lim: { levels: [ int2:g32, int4:g32, int8:channel ], size: " + bytes + "b }";
  }

  @Test
  void theFileIsAsLargeAsPlannedAndNoLargerThanAskedFor() throws IOException {
    long least = request("lim: { high_layers: 0 }").plan().fileBytes();
    for (long more : new long[] {0, 10_000, 30_001}) {
      Plan plan = request(lim(least + more)).plan();
      assertThat(plan.exact()).isTrue();
      assertThat(plan.fileBytes()).isBetween(least, least + more);
      Path output = folder.resolve("out-" + more);
      request(lim(least + more)).to(output);
      assertThat(Files.size(output.resolve("model.safetensors"))).isEqualTo(plan.fileBytes());
    }
    assertThatThrownBy(() -> request(lim(least - 1)).plan())
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("mixed: steps[0].lim.size")
        .hasMessageContaining(least + " bytes");
  }

  @Test
  void theArtefactTellsWhoGotWhat() {
    Path output = folder.resolve("out");
    QuantizationResult result = request("lim: { high_layers: 1 }").to(output);
    List<AllocationReport> told = Nibble.explain(output).provenance().allocations();
    assertThat(told).isEqualTo(result.provenance().allocations()).hasSize(1);
    assertThat(told.getFirst().rows()).hasSize(4);
    assertThat(told.getFirst().rows().stream().filter(row -> row.rank() == 1))
        .allMatch(row -> row.level().equals("int4:g32:asym"));
    assertThat(output.resolve("report.html")).content().contains("Allocation by lim");
    assertThat(output.resolve("report.json")).content().contains("\"allocation-lim\"");
  }

  @Test
  void scoresAreKeptInTheFolderThatIsGivenAndNowhereElse() throws IOException {
    Path cache = folder.resolve("cache");
    request("lim: { high_layers: 1 }").plan();
    assertThat(cache).doesNotExist();
    request("lim: { high_layers: 1 }").cache(cache).plan();
    assertThat(files(cache)).hasSize(1);
    Plan again = request("lim: { high_layers: 2 }").cache(cache).plan();
    assertThat(files(cache)).hasSize(1);
    assertThat(again.allocations())
        .isEqualTo(request("lim: { high_layers: 2 }").plan().allocations());
    TinyLlama.SMALL.write(model, 2);
    request("lim: { high_layers: 1 }").cache(cache).plan();
    assertThat(files(cache)).hasSize(2);
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile).toList();
    }
  }
}

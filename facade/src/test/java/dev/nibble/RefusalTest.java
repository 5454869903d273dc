package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.pipeline.journal.WorkDirectory;
import dev.nibble.testing.Artefacts;
import dev.nibble.testing.TinyLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What happens when the world has changed between two attempts, or does not let us write. */
class RefusalTest {
  @TempDir Path folder;
  private Path model;
  private Path recipe;
  private Path text;
  private Path output;

  @BeforeEach
  void prepare() throws IOException {
    model = TinyLlama.SMALL.write(folder.resolve("model"), 1);
    text = TinyLlama.text(folder.resolve("text.txt"));
    recipe = write("int4:g32");
    output = folder.resolve("out");
  }

  private Path write(String spec) throws IOException {
    return Files.writeString(
        folder.resolve("recipe.yaml"),
        "calibration: { data: \""
            + text
            + "\", samples: 4, length: 32 }\nsteps:\n  - gptq: { spec: \""
            + spec
            + "\" }\n");
  }

  private QuantizationRequest request() {
    return Nibble.quantize(model).recipe(recipe.toString()).threads(1);
  }

  /** Stops a run when it begins to write the finished weights: all blocks are in the journal. */
  private void interrupt() {
    Progress stopping =
        new Progress() {
          @Override
          public Task start(String what, long total, String unit) {
            if (what.startsWith("write")) {
              throw new IllegalStateException("stopped");
            }
            return Progress.SILENT.start(what, total, unit);
          }

          @Override
          public void note(String line) {}
        };
    assertThatThrownBy(() -> request().progress(stopping).to(output)).hasMessage("stopped");
    assertThat(output).doesNotExist();
  }

  @Test
  void aChangedRecipeIsRefusedWithTheField() throws IOException {
    interrupt();
    write("int3:g32");
    assertThatThrownBy(() -> request().to(output))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("steps[0].gptq.spec")
        .hasMessageContaining("--restart");
    write("int4:g32");
    assertThat(request().to(output).log().resumedBlocks()).isEqualTo(4);
  }

  @Test
  void aRestartDiscardsTheOldWork() throws IOException {
    interrupt();
    write("int3:g32");
    QuantizationResult result = request().restart(true).to(output);
    assertThat(result.log().resumedBlocks()).isZero();
    assertThat(result.provenance().solved().getFirst().spec()).startsWith("int3:g32");
  }

  @Test
  void aChangedSourceIsRefusedWithTheFile() {
    interrupt();
    TinyLlama.SMALL.write(model, 2);
    assertThatThrownBy(() -> request().to(output))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("model.safetensors has changed");
  }

  @Test
  void aChangedCalibrationTextIsRefused() throws IOException {
    interrupt();
    Files.writeString(text, "Something else entirely. ".repeat(400));
    assertThatThrownBy(() -> request().to(output))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("calibration.data");
  }

  @Test
  void lostActivationsAreComputedAgain() throws IOException {
    Path whole = folder.resolve("whole");
    request().to(whole);
    Map<String, String> expected = Artefacts.hashes(whole);
    interrupt();
    Path work = WorkDirectory.beside(output);
    deleteFrom(work.resolve("units"), "00003");
    try (Stream<Path> streams = Files.list(work.resolve("streams"))) {
      for (Path stream : streams.toList()) {
        Files.write(stream, new byte[10]);
      }
    }
    QuantizationResult result = request().to(output);
    assertThat(result.log().resumedBlocks()).isEqualTo(3);
    assertThat(Artefacts.hashes(output)).isEqualTo(expected);
  }

  @Test
  void aDamagedUnitIsDoneAgain() throws IOException {
    Path whole = folder.resolve("whole");
    request().to(whole);
    interrupt();
    Path unit = WorkDirectory.beside(output).resolve("units/00001.safetensors");
    byte[] bytes = Files.readAllBytes(unit);
    bytes[bytes.length - 5] ^= 1;
    Files.write(unit, bytes);
    QuantizationResult result = request().to(output);
    assertThat(result.log().resumedBlocks()).isEqualTo(1);
    assertThat(Artefacts.hashes(output)).isEqualTo(Artefacts.hashes(whole));
  }

  private static void deleteFrom(Path units, String prefix) throws IOException {
    try (Stream<Path> files = Files.list(units)) {
      for (Path file : files.toList()) {
        if (file.getFileName().toString().startsWith(prefix)) {
          Files.delete(file);
        }
      }
    }
  }

  @Test
  void twoRunsToOneOutputAreRefused() {
    try (WorkDirectory held = WorkDirectory.open(output)) {
      assertThat(held.root()).exists();
      assertThatThrownBy(() -> request().to(output))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("another run");
    }
    request().to(output);
  }

  @Test
  void anOutputThatIsNotEmptyOrHasNoPlaceIsRefused() throws IOException {
    Files.createDirectories(output);
    Files.writeString(output.resolve("precious.txt"), "keep me");
    assertThatThrownBy(() -> request().to(output))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("not an empty folder");
    assertThat(output.resolve("precious.txt")).hasContent("keep me");
    assertThatThrownBy(() -> request().to(folder.resolve("no/such/place")))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("does not exist");
    Path empty = Files.createDirectories(folder.resolve("empty"));
    request().to(empty);
    assertThat(empty.resolve("model.safetensors")).exists();
  }
}

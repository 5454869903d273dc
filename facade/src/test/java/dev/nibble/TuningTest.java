package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.progress.Progress;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.testing.Artefacts;
import dev.nibble.testing.TinyLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training of the whole model between the blocks and the artefact. */
class TuningTest {
  @TempDir Path folder;

  /** Stops a run after so many training steps, as a signal would. */
  private record Interruption(int after, AtomicInteger steps) implements Progress {
    Interruption(int after) {
      this(after, new AtomicInteger());
    }

    @Override
    public Task start(String what, long total, String unit) {
      return new Task() {
        @Override
        public void advance(long n) {
          if (what.equals("pv") && n > 0 && steps.addAndGet((int) n) >= after) {
            throw new IllegalStateException("interrupted");
          }
        }

        @Override
        public void close() {}
      };
    }

    @Override
    public void note(String line) {}
  }

  @Test
  void interruptedTrainingEndsWithTheSameBytesAndTheSameSize() throws IOException {
    Path model = new TinyLlama(2, 64, 96, true).write(folder.resolve("model"), 1);
    Path text = TinyLlama.text(folder.resolve("text.txt"));
    String head = "calibration: { data: \"" + text + "\", samples: 12, length: 48 }\nsteps:\n";
    String rtn = "  - rtn: { spec: \"int2:g32\", embedding: \"int8:g32\" }\n";
    Path plain = Files.writeString(folder.resolve("plain.yaml"), head + rtn);
    Path tuned =
        Files.writeString(
            folder.resolve("tuned.yaml"),
            head + rtn + "  - pv: { steps: 9, eval_every: 3, batch: 4, lr: 1e-3 }\n");
    Path whole = folder.resolve("whole");
    QuantizationResult result =
        Nibble.quantize(model).recipe(tuned.toString()).threads(1).to(whole);
    assertThat(result.provenance().events())
        .anySatisfy(
            event -> {
              assertThat(event.kind()).isEqualTo("pv.result");
              assertThat(event.what()).contains("9 steps", "held-out KL");
            });
    for (int after : new int[] {2, 3, 8}) {
      Path output = folder.resolve("out" + after);
      assertThatThrownBy(
              () ->
                  Nibble.quantize(model)
                      .recipe(tuned.toString())
                      .progress(new Interruption(after))
                      .to(output))
          .hasMessageContaining("interrupted");
      Nibble.quantize(model).recipe(tuned.toString()).to(output);
      assertThat(Artefacts.hashes(output)).isEqualTo(Artefacts.hashes(whole));
      assertThat(folder.resolve("out" + after + ".nibble-work")).doesNotExist();
    }
    Path before = folder.resolve("before");
    Nibble.quantize(model).recipe(plain.toString()).to(before);
    Path weights = Path.of("model.safetensors");
    assertThat(Files.size(whole.resolve(weights))).isEqualTo(Files.size(before.resolve(weights)));
    try (OpenedModel a = OpenedModel.open(before);
        OpenedModel b = OpenedModel.open(whole)) {
      assertThat(b.weights().names()).isEqualTo(a.weights().names());
      for (String name : a.weights().names()) {
        assertThat(b.weights().tensor(name).typeName())
            .isEqualTo(a.weights().tensor(name).typeName());
      }
    }
  }
}

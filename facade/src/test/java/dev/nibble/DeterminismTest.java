package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.testing.Artefacts;
import dev.nibble.testing.ChildRun;
import dev.nibble.testing.TinyLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeterminismTest {
  @TempDir Path folder;

  @Test
  void bytesDependOnNoNumberOfThreads() throws IOException {
    Path model = new TinyLlama(2, 128, 256, true).write(folder.resolve("model"), 4);
    Path recipe =
        Files.writeString(
            folder.resolve("recipe.yaml"),
            "calibration: { data: \""
                + TinyLlama.text(folder.resolve("text.txt"))
                + "\", samples: 80, length: 100 }\n"
                + "steps:\n"
                + "  - rotate: { kind: hadamard }\n"
                + "  - gptq: { spec: \"int3:g32\", act_order: true }\n");
    Set<Map<String, String>> results = new HashSet<>();
    for (String blas : new String[] {"1", "2"}) {
      for (int threads = 1; threads <= 2; threads++) {
        Path output = folder.resolve("out-" + blas + "-" + threads);
        Map<String, String> environment =
            Map.of("OPENBLAS_NUM_THREADS", blas, "OMP_NUM_THREADS", blas);
        ChildRun.run(model, recipe, output, threads, environment);
        results.add(Artefacts.hashes(output));
      }
    }
    assertThat(results).hasSize(1);
  }
}

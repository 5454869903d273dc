package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.testing.ChildRun;
import dev.nibble.testing.TinyLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Anonymous memory grows with the largest block, not with the model. */
@EnabledOnOs(OS.LINUX)
class MemoryTest {
  @TempDir Path folder;

  @Test
  void fourTimesTheDepthTakesNoMoreMemory() throws IOException {
    Path recipe =
        Files.writeString(
            folder.resolve("recipe.yaml"),
            "calibration: { data: \""
                + TinyLlama.text(folder.resolve("text.txt"))
                + "\", samples: 4, length: 128 }\nsteps:\n  - gptq: { spec: \"int4:g128\" }\n");
    long shallow = peak(recipe, 4);
    long deep = peak(recipe, 16);
    assertThat((double) deep / shallow).as("%d against %d bytes", deep, shallow).isLessThan(1.15);
  }

  private long peak(Path recipe, int layers) {
    Path model = new TinyLlama(layers, 512, 1024, false).write(folder.resolve("m" + layers), 1);
    String said = ChildRun.run(model, recipe, folder.resolve("out" + layers), 2, Map.of());
    String line = said.lines().filter(l -> l.startsWith("memory=")).findFirst().orElseThrow();
    return Long.parseLong(line.substring("memory=".length()));
  }
}

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
  void fourTimesTheDepthTakesNoMoreMemoryAndTheForecastHolds() throws IOException {
    Path recipe =
        Files.writeString(
            folder.resolve("recipe.yaml"),
            "calibration: { data: \""
                + TinyLlama.text(folder.resolve("text.txt"))
                + "\", samples: 4, length: 128 }\nsteps:\n  - gptq: { spec: \"int4:g128\" }\n");
    String shallow = run(recipe, 4);
    String deep = run(recipe, 16);
    double growth = figure(deep, "memory") / figure(shallow, "memory");
    assertThat(growth).as("%s against %s", deep, shallow).isLessThan(1.15);
    double forecast = figure(deep, "forecast") / figure(deep, "memory");
    assertThat(forecast).as(deep).isBetween(0.75, 1.25);
  }

  private String run(Path recipe, int layers) {
    Path model = new TinyLlama(layers, 512, 1024, false).write(folder.resolve("m" + layers), 1);
    return ChildRun.run(model, recipe, folder.resolve("out" + layers), 2, Map.of());
  }

  private static double figure(String said, String name) {
    String line = said.lines().filter(l -> l.startsWith(name + "=")).findFirst().orElseThrow();
    return Double.parseDouble(line.substring(name.length() + 1));
  }
}

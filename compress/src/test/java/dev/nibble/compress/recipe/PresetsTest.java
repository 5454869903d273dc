package dev.nibble.compress.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PresetsTest {

  static List<String> names() {
    return Presets.names();
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyPresetIsPlainYamlThatParses(String name) {
    assertThat(Presets.text(name)).doesNotContain("${");
    Recipe recipe = Presets.load(name);
    assertThat(recipe.name()).isEqualTo(name);
    assertThat(recipe.summary()).isNotBlank();
    assertThat(recipe.steps()).isNotEmpty();
    assertThat(Recipe.parse(recipe.toYaml(), name).canonical()).isEqualTo(recipe.canonical());
  }

  @Test
  void coversBitsAndGranularitiesOfTheBaselines() {
    for (String method : new String[] {"rtn", "gptq"}) {
      for (int bits : new int[] {8, 4, 3, 2}) {
        String family = method + "-w" + bits;
        assertThat(Presets.names())
            .contains(
                family, family + "-g128", family + "-g64", family + "-g32", family + "-channel");
        assertThat(Presets.load(family).canonical())
            .isEqualTo(Presets.load(family + "-g128").canonical());
      }
    }
    assertThat(Presets.load("default").steps()).isNotEmpty();
  }

  @Test
  void unknownNamesGetAHint() {
    assertThatThrownBy(() -> Presets.load("gptq-w5"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("\"gptq-w5\"")
        .hasMessageContaining("gptq-w4");
    assertThatThrownBy(() -> Presets.load("\0"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("neither a file nor a preset");
  }

  @Test
  void filesAreReadByPathAndNamedInErrors(@TempDir Path dir) throws IOException {
    Path file = Files.writeString(dir.resolve("mine.yml"), "steps: [ { rtn: { spec: int4 } } ]");
    assertThat(Presets.load(file.toString()).name()).isEqualTo("mine");
    Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
    assertThatThrownBy(() -> Presets.load(file.toString()))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("mine.yml")
        .hasMessageContaining("UTF-8");
    Files.write(file, new byte[5 * YamlTree.MAX_CHARACTERS]);
    assertThatThrownBy(() -> Presets.load(file.toString()))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("bytes");
  }
}

package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.block.PlannedTensor;
import dev.nibble.core.NibbleException;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.eval.perplexity.Protocol;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.pipeline.evaluate.EvaluationOptions;
import dev.nibble.pipeline.plan.Plan;
import dev.nibble.testing.Artefacts;
import dev.nibble.testing.TinyLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuantizationTest {
  @TempDir Path folder;
  private Path model;
  private Path text;

  @BeforeEach
  void prepare() {
    model = TinyLlama.SMALL.write(folder.resolve("model"), 1);
    text = TinyLlama.text(folder.resolve("text.txt"));
  }

  private Path recipe(String name, String steps) throws IOException {
    return Files.writeString(
        folder.resolve(name),
        "calibration: { data: \""
            + text
            + "\", samples: 12, length: 48, seed: 5 }\n"
            + "steps:\n"
            + steps);
  }

  @Test
  void anArtefactIsAsPlannedAndRuns() throws IOException {
    Path recipe = recipe("gptq.yaml", "  - gptq: { spec: \"int4:g32\" }\n");
    Path output = folder.resolve("out");
    QuantizationRequest request = Nibble.quantize(model).recipe(recipe.toString());
    Plan plan = request.plan();
    QuantizationResult result =
        request
            .evaluate(
                new EvaluationOptions(text.toString(), Protocol.parse("gptq:64").withLimit(4)))
            .to(output);

    assertThat(Files.size(output.resolve("model.safetensors"))).isEqualTo(plan.fileBytes());
    assertThat(result.provenance().bitsPerWeight()).isEqualTo(plan.bitsPerWeight());
    assertThat(result.provenance().solved()).hasSize(14);
    assertThat(result.provenance().calibrationTokens()).isEqualTo(12 * 48);
    assertThat(result.log().fidelity().orElseThrow().kld().value()).isBetween(1e-6, 1.0);
    try (OpenedModel opened = OpenedModel.open(output)) {
      for (PlannedTensor planned : plan.tensors()) {
        assertThat(opened.weights().tensor(planned.name()).typeName())
            .as(planned.name())
            .isEqualTo(planned.type());
      }
      assertThat(opened.weights().tensor("model.layers.1.mlp.down_proj.weight"))
          .isInstanceOf(AffineTensor.class);
    }
    assertThat(folder.resolve("out.nibble-work")).doesNotExist();
    QuantizationResult explained = Nibble.explain(output);
    assertThat(explained.log()).isEqualTo(result.log());
    assertThat(explained.provenance().toJson()).isEqualTo(result.provenance().toJson());
  }

  @Test
  void theSameCallOnAFinishedOutputDoesNothing() throws IOException {
    Path recipe = recipe("rtn.yaml", "  - rtn: { spec: \"int4:g32\" }\n");
    Path output = folder.resolve("out");
    Nibble.quantize(model).recipe(recipe.toString()).to(output);
    Map<String, String> before = Artefacts.hashes(output);
    Nibble.quantize(model).recipe(recipe.toString()).to(output);
    assertThat(Artefacts.hashes(output)).isEqualTo(before);

    Path other = recipe("other.yaml", "  - rtn: { spec: \"int3:g32\" }\n");
    assertThatThrownBy(() -> Nibble.quantize(model).recipe(other.toString()).to(output))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("not an empty folder");
    assertThat(Artefacts.hashes(output)).isEqualTo(before);
  }

  @Test
  void everyFamilyGoesThrough() {
    for (FamilyFixtures.Fixture family : FamilyFixtures.all()) {
      String name = family.directory().getFileName().toString();
      Path output = folder.resolve(name);
      QuantizationResult result =
          Nibble.quantize(family.directory()).recipe("rtn-w8-channel").to(output);
      assertThat(result.provenance().identity().sources()).as(name).isNotEmpty();
      try (OpenedModel opened = OpenedModel.open(output)) {
        List<String> up =
            opened.weights().names().stream().filter(n -> n.endsWith("up_proj.weight")).toList();
        assertThat(up).as(name).isNotEmpty();
        up.forEach(
            weight ->
                assertThat(opened.weights().tensor(weight).typeName())
                    .as(name + " " + weight)
                    .isEqualTo("int8:channel:sym"));
      }
    }
  }

  @Test
  void aTiedHeadIsStoredOnceAndHasNoSpecOfItsOwn() throws IOException {
    Path tied = new TinyLlama(1, 64, 96, true).write(folder.resolve("tied"), 2);
    Path recipe = recipe("e.yaml", "  - rtn: { spec: \"int4:g32\", embedding: \"int8:g32\" }\n");
    Path output = folder.resolve("out");
    Nibble.quantize(tied).recipe(recipe.toString()).to(output);
    try (OpenedModel opened = OpenedModel.open(output)) {
      assertThat(opened.weights().names()).doesNotContain("lm_head.weight");
      assertThat(opened.weights().tensor("model.embed_tokens.weight").typeName())
          .isEqualTo("int8:g32:sym");
    }
    Path wrong = recipe("h.yaml", "  - rtn: { spec: \"int4:g32\", head: \"int8:g32\" }\n");
    assertThatThrownBy(
            () -> Nibble.quantize(tied).recipe(wrong.toString()).to(folder.resolve("none")))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("rtn");
    assertThat(folder.resolve("none.nibble-work")).doesNotExist();
  }

  @Test
  void aMemoryLimitThatCannotBeKeptIsRefusedWithWhatWouldFit() {
    assertThatThrownBy(() -> Nibble.quantize(model).recipe("rtn-w4-g32").memory("10m").plan())
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("10.0 MiB")
        .hasMessageContaining("--memory");
  }

  @Test
  void unknownMeasurementsAreRefusedBeforeAnyWork() throws IOException {
    Path recipe = recipe("m.yaml", "  - rtn: { spec: \"int4:g32\" }\nevaluate: [ luck ]\n");
    assertThatThrownBy(() -> Nibble.quantize(model).recipe(recipe.toString()).plan())
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("evaluate: unknown name \"luck\"");
  }
}

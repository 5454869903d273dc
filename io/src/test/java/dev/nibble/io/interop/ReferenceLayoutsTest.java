package dev.nibble.io.interop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.testing.SharedData;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.safetensors.SafetensorsFile;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models written by an independent script, value for value. */
class ReferenceLayoutsTest {
  static Path directory(String name) {
    return SharedData.repositoryRoot().resolve("io/src/test/resources/interop").resolve(name);
  }

  @ParameterizedTest
  @CsvSource({"gptq, 5", "gptq_v2, 2", "awq, 4", "compressed-tensors, 7"})
  void valuesAreThoseOfThePublishedFormula(String name, int quantized) {
    Path directory = directory(name);
    try (OpenedModel model = OpenedModel.open(directory);
        SafetensorsFile expected =
            SafetensorsFile.open(directory.resolve("expected.safetensors"))) {
      assertThat(expected.names()).hasSize(quantized);
      for (String tensor : model.weights().names()) {
        String module = tensor.substring(0, tensor.lastIndexOf('.'));
        PackedTensor found = model.weights().tensor(tensor);
        if (expected.names().contains(module)) {
          assertThat(found).as(module).isNotInstanceOf(DenseTensor.class);
          assertThat(found.toFloats()).as(module).isEqualTo(expected.tensor(module).toFloats());
        } else {
          assertThat(found).as(module).isInstanceOf(DenseTensor.class);
        }
      }
    }
  }

  @Test
  void storedFormsAreTheNarrowestThatSayTheSame() {
    assertThat(types("gptq"))
        .containsEntry("self_attn.q_proj", "int2:g16:asym")
        .containsEntry("self_attn.k_proj", "int3:g16:asym")
        .containsEntry("self_attn.v_proj", "int4:g16:asym")
        .containsEntry("self_attn.o_proj", "int8:channel:sym")
        .containsEntry("mlp.down_proj", "f16");
    assertThat(types("compressed-tensors"))
        .containsEntry("self_attn.k_proj", "int8:channel:sym:fp32")
        .containsEntry("mlp.up_proj", "fp8-e4m3:channel")
        .containsEntry("mlp.down_proj", "int8:tensor:asym");
    try (OpenedModel model = OpenedModel.open(directory("gptq"))) {
      assertThat(affine(model, "self_attn.k_proj").groupIndex()).isNull();
      assertThat(affine(model, "self_attn.v_proj").groupIndex()).isNotNull();
    }
  }

  @Test
  void inputQuantizersBelongToTheirSites() {
    try (OpenedModel model = OpenedModel.open(directory("compressed-tensors"))) {
      assertThat(model.weights().siteOps())
          .isEqualTo(
              Map.of(
                  "model.layers.0.mlp.gate_proj",
                  new SiteOps(List.of(), Optional.of(ActivationQuant.perToken(8)))));
    }
  }

  private static AffineTensor affine(OpenedModel model, String part) {
    return (AffineTensor) model.weights().tensor("model.layers.0." + part + ".weight");
  }

  private static Map<String, String> types(String name) {
    try (OpenedModel model = OpenedModel.open(directory(name))) {
      Map<String, String> out = new HashMap<>();
      for (String tensor : model.weights().names()) {
        if (tensor.startsWith("model.layers.0.") && tensor.endsWith("_proj.weight")) {
          String part = tensor.substring("model.layers.0.".length(), tensor.lastIndexOf('.'));
          out.put(part, model.weights().tensor(tensor).typeName());
        }
      }
      return out;
    }
  }
}

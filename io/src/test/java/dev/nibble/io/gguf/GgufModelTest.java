package dev.nibble.io.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.progress.Progress;
import java.nio.file.Path;
import java.util.List;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufModelTest {
  @TempDir Path directory;

  @Test
  void metadataBecomesAConfig() {
    try (GgufModel model = GgufModel.open(TinyGguf.write(directory.resolve("m.gguf")))) {
      ModelConfig c = model.config();
      assertThat(c.family()).isEqualTo("llama");
      assertThat(c.vocabSize()).isEqualTo(TinyGguf.VOCAB);
      assertThat(c.headDim()).isEqualTo(4);
      assertThat(c.kvSize()).isEqualTo(4);
      assertThat(c.normEps()).isEqualTo(1e-5);
      assertThat(c.tiedHead()).isTrue();
      assertThat(c.attentionBias()).isFalse();
      assertThat(c.bosId()).isEqualTo(-1);
      assertThat(c.eosIds()).containsExactly(4);
      assertThat(model.names()).hasSize(11).doesNotContain("lm_head.weight");
    }
  }

  @Test
  void rotaryRowsReturnToHalfSplitOrder() {
    try (GgufModel model = GgufModel.open(TinyGguf.write(directory.resolve("m.gguf")))) {
      float[] q = model.tensor("model.layers.0.self_attn.q_proj.weight").toFloats();
      // Stored rows of a head are dimensions 0, 2, 1, 3 of the half-split order.
      int[] stored = {0, 2, 1, 3, 4, 6, 5, 7};
      for (int row = 0; row < 8; row++) {
        assertThat(q[row * 8]).isEqualTo(3000 + 8 * stored[row]);
      }
      float[] v = model.tensor("model.layers.0.self_attn.v_proj.weight").toFloats();
      assertThat(v[8]).isEqualTo(5008);
    }
  }

  @Test
  void theTwoRowOrdersAreInverse() {
    for (int dim : new int[] {2, 6, 64}) {
      for (long row = 0; row < 3L * dim; row++) {
        assertThat(RotaryRows.adjacentOf(RotaryRows.halfSplitOf(row, dim), dim)).isEqualTo(row);
      }
    }
  }

  @Test
  void unsupportedModelsAreRefusedInWords() {
    SequencedMap<String, GgufValue> mamba = TinyGguf.metadata();
    mamba.put("general.architecture", GgufValue.of("mamba"));
    refused(mamba, TinyGguf.tensors(), "'mamba' are not supported; supported are llama");
    SequencedMap<String, GgufValue> experts = TinyGguf.metadata();
    experts.put("llama.expert_count", GgufValue.u32(8));
    refused(experts, TinyGguf.tensors(), "0 of 8 experts cannot be chosen");
    SequencedMap<String, GgufValue> part = TinyGguf.metadata();
    part.put("split.count", GgufValue.u32(3));
    refused(part, TinyGguf.tensors(), "one of 3 parts");
    SequencedMap<String, GgufValue> wide = TinyGguf.metadata();
    wide.put("llama.feed_forward_length", GgufValue.u32(7));
    refused(wide, TinyGguf.tensors(), "shape [6, 8] was found where the metadata says [7, 8]");
    refused(TinyGguf.metadata(), TinyGguf.tensors().subList(0, 10), "ffn_down.weight");
    SequencedMap<String, GgufValue> layers = TinyGguf.metadata();
    layers.put("llama.block_count", GgufValue.u32(1 << 20));
    refused(layers, TinyGguf.tensors(), "more layers than tensors");
  }

  private void refused(
      SequencedMap<String, GgufValue> metadata, List<GgufWriter.Tensor> tensors, String message) {
    Path file = directory.resolve("refused.gguf");
    GgufWriter.write(file, metadata, tensors, Progress.SILENT);
    assertThatThrownBy(() -> GgufModel.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining(message);
  }
}

package dev.nibble.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class TorchTest {

  @Test
  void arraysSurviveTheRoundTrip() {
    float[] values = {1.5f, -2f, Float.MIN_VALUE, 4f, 5f, 6f};
    Torch.run(
        () -> {
          Tensor t = Torch.fromFloats(values, 2, 3);
          assertThat(Torch.shape(t)).containsExactly(2, 3);
          assertThat(Torch.toFloats(t)).containsExactly(values);
          assertThat(Torch.toFloats(t.transpose(0, 1)))
              .containsExactly(1.5f, 4f, -2f, 5f, Float.MIN_VALUE, 6f);
          float[] row = new float[4];
          Torch.readRows(t, 1, 2, row, 1);
          assertThat(row).containsExactly(0f, 4f, 5f, 6f);
        });
  }

  @Test
  void storedTensorsBecomeFloatsOrDoubles() {
    float[] values = new float[700_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i % 251) / 4f;
    }
    DenseTensor stored = DenseTensor.rounded(values, DType.BF16, 1000, 700);
    Torch.run(
        () -> {
          assertThat(Torch.toFloats(Torch.fromPacked(stored, ScalarType.Float))).isEqualTo(values);
          assertThat(Torch.toDoubles(Torch.fromPacked(stored, ScalarType.Double))[699_999])
              .isEqualTo(values[699_999]);
        });
  }

  @Test
  void shapesThatDoNotFitAreRefused() {
    assertThatThrownBy(() -> Torch.fromFloats(new float[5], 2, 3))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void resultsLeaveTheScopeAndNothingElseDoes() {
    Torch.run(() -> {});
    long before = Torch.liveObjects();
    Tensor sum = Torch.scope(() -> torch.ones(100).add(torch.ones(100)));
    assertThat(Torch.toFloats(sum)[99]).isEqualTo(2f);
    assertThat(Torch.liveObjects()).isEqualTo(before + 1);
    sum.close();
    assertThat(Torch.liveObjects()).isEqualTo(before);
  }

  @Test
  void resultsOfInnerScopesDieWithTheOuterOne() {
    Torch.run(() -> {});
    long before = Torch.liveObjects();
    Tensor kept =
        Torch.scope(
            () -> {
              List<Tensor> pair = Torch.scope(() -> List.of(torch.ones(2), torch.ones(3)));
              assertThat(Torch.toFloats(pair.get(1))).hasSize(3);
              Tensor inner = Torch.keep(torch.zeros(1));
              assertThat(inner.numel()).isEqualTo(1);
              inner.close();
              return pair.get(0);
            });
    assertThat(Torch.liveObjects()).isEqualTo(before + 1);
    assertThat(Torch.toFloats(kept)).containsExactly(1f, 1f);
    kept.close();
    assertThat(Torch.liveObjects()).isEqualTo(before);
  }

  @Test
  void aFailingBodyFreesItsMemory() {
    Torch.run(() -> {});
    long before = Torch.liveObjects();
    assertThatThrownBy(
            () ->
                Torch.run(
                    () -> {
                      torch.ones(10);
                      throw new IllegalStateException("no");
                    }))
        .hasMessage("no");
    assertThat(Torch.liveObjects()).isEqualTo(before);
  }

  @Test
  void ownedTensorsAreFreedByOneCloseInsideAndOutsideScopes() {
    Tensor outside = Torch.owned(() -> Torch.fromFloats(new float[4], 4));
    outside.close();
    assertThat(outside.isNull()).isTrue();
    Tensor[] inside = new Tensor[1];
    Torch.run(() -> inside[0] = Torch.owned(() -> Torch.fromFloats(new float[] {5}, 1)));
    assertThat(Torch.toFloats(inside[0])).containsExactly(5f);
    inside[0].close();
    assertThat(inside[0].isNull()).isTrue();
  }
}

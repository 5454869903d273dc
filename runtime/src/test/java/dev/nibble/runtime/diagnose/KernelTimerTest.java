package dev.nibble.runtime.diagnose;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class KernelTimerTest {
  private static final int ROWS = 64;
  private static final int COLUMNS = 256;

  @Test
  void equalTypesAndShapesAreMeasuredOnce() {
    KernelTimer timer = new KernelTimer(1, "here");
    PackedTensor weight = SampleTensors.of("int4:g32:asym", ROWS, COLUMNS);
    double once = timer.seconds(weight).orElseThrow();
    assertThat(once).isPositive();
    assertThat(timer.seconds(SampleTensors.of("int4:g32:asym", ROWS, COLUMNS))).hasValue(once);
    assertThat(timer.machine()).isEqualTo("here threads=1");
  }

  @Test
  void aTypeThatOnlyTheReferenceDecodesHasNoTime() {
    int stride = Math.toIntExact(AffineTensor.rowStride(COLUMNS, 3));
    AffineTensor indexed =
        new AffineTensor(
            new long[] {ROWS, COLUMNS},
            3,
            32,
            ScaleFormat.FP16,
            MemorySegment.ofArray(new byte[ROWS * stride]),
            MemorySegment.ofArray(new byte[ROWS * COLUMNS / 32 * ScaleFormat.FP16.bytes()]),
            null,
            MemorySegment.ofArray(new byte[4 * COLUMNS]));
    assertThat(new KernelTimer(1, "here").seconds(indexed)).isEmpty();
  }
}

package dev.nibble.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.rounding.BilevelBuilder;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BilevelLayout;
import dev.nibble.core.tensor.BilevelLayout.Zeros;
import dev.nibble.core.tensor.BilevelTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Which kernels run weights with coded scales and outliers; {@link KernelsTest} tests them. */
class OutlierKernelTest {

  @Test
  void codedScalesAndOutliersRunInVectors() {
    float[] w = KernelsTest.gaussian(new Random(1), 2048);
    try (Workers one = new Workers(1)) {
      BilevelTensor levels =
          BilevelBuilder.round(
              w,
              new long[] {4, 512},
              new BilevelLayout(3, 16, 16, 3, Zeros.BILEVEL, 3, ScaleFormat.FP16),
              one);
      PackedTensor sparse = OutlierTensor.of(levels, OutlierSamples.every(2048, 100), w);
      assertThat(KernelSet.standard().bind(sparse).kernel()).isEqualTo("bilevel3-stream+sparse");
    }
  }
}

package dev.nibble.core.rounding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.spec.QuantSpec;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Signal-to-noise ratios of independent data, {@code -10·log10(relative squared error)}, against
 * values emulated from the formats' definitions (sheet 17a; asymmetric int4 with the integer
 * zero-point that is stored, which costs 0.25 dB against a real offset).
 */
class SignalToNoiseTest {
  private static final int ROWS = 256;
  private static final int COLUMNS = 1024;

  @ParameterizedTest
  @CsvSource({
    "mxfp4,18.79,17.94,17.61",
    "nvfp4,20.44,20.66,20.74",
    "mxfp6-e2m3,30.94,30.30,30.03",
    "mxfp6-e3m2,25.35,25.21,25.17",
    "mxfp8-e4m3,30.64,29.97,29.82",
    "mxfp8-e5m2,25.35,25.21,25.17",
    "mxint8,41.66,40.02,39.32",
    "int4:g32:sym:fp32,20.27,18.34,17.63",
    "int4:g32:asym:fp32,21.86,20.51,20.31"
  })
  void equalsTheEmulation(String spec, double gauss, double laplace, double student) {
    assertThat(decibels(spec, Random::nextGaussian)).isCloseTo(gauss, within(0.1));
    assertThat(decibels(spec, SignalToNoiseTest::laplace)).isCloseTo(laplace, within(0.1));
    assertThat(decibels(spec, SignalToNoiseTest::student4)).isCloseTo(student, within(0.3));
  }

  private static double laplace(Random random) {
    double u = random.nextDouble() - 0.5;
    return -Math.signum(u) * Math.log(1 - 2 * Math.abs(u));
  }

  /** Student's t with 4 degrees of freedom: a Gaussian over the root of a mean of 4 squares. */
  private static double student4(Random random) {
    double exponentials = -Math.log(1 - random.nextDouble()) - Math.log(1 - random.nextDouble());
    return random.nextGaussian() / Math.sqrt(exponentials / 2);
  }

  private static double decibels(String spec, ToDoubleFunction<Random> distribution) {
    Random random = new Random(17);
    float[] w = new float[ROWS * COLUMNS];
    for (int i = 0; i < w.length; i++) {
      w[i] = (float) distribution.applyAsDouble(random);
    }
    RoundingOptions options = RoundingOptions.DEFAULT;
    if (spec.contains(":sym")) {
      options = new RoundingOptions(GridFlavour.SYM_NARROW, Clip.NONE, 2.4);
    }
    float[] stored =
        RoundToNearest.quantize(w, new long[] {ROWS, COLUMNS}, QuantSpec.parse(spec), options)
            .toFloats();
    double signal = 0;
    double noise = 0;
    for (int i = 0; i < w.length; i++) {
      signal += (double) w[i] * w[i];
      noise += ((double) stored[i] - w[i]) * ((double) stored[i] - w[i]);
    }
    return 10 * Math.log10(signal / noise);
  }
}

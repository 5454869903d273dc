package dev.nibble.core.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.format.NumberFormat;
import dev.nibble.core.format.Table;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What every number format promises. A format's test extends this and names some instances. */
public abstract class NumberFormatContract {
  private static final int SAMPLES = 20_000;

  /** Instances of the format, the smallest and the largest among them. */
  protected abstract List<NumberFormat> formats();

  @Test
  final void everyLevelEncodesToItself() {
    for (NumberFormat format : formats()) {
      float[] levels = format.levels();
      assertThat(levels).hasSize(1 << format.bits());
      for (int code = 0; code < levels.length; code++) {
        if (Float.isFinite(levels[code])) {
          int found = format.encode(levels[code]);
          assertThat(format.decode(found))
              .as("%s code %d", format, code)
              .isEqualTo(levels[code] + 0f);
          assertThat(found).as("%s code %d", format, code).isLessThanOrEqualTo(code);
        }
      }
    }
  }

  @Test
  final void theNearestLevelIsChosen() {
    for (NumberFormat format : formats()) {
      float[] levels = format.levels();
      Random random = new Random(format.bits());
      for (int i = 0; i < SAMPLES; i++) {
        float span = 1.2f * Math.max(format.highest(), -format.lowest());
        float x = (float) (span * Math.pow(random.nextDouble(), 1 + i % 9));
        requireNearest(format, levels, i % 2 == 0 ? x : -x);
      }
      requireNearest(format, levels, 0f);
      requireNearest(format, levels, -0f);
      requireNearest(format, levels, Float.MIN_VALUE);
    }
  }

  private static void requireNearest(NumberFormat format, float[] levels, float x) {
    double chosen = Math.abs((double) format.decode(format.encode(x)) - x);
    for (float level : levels) {
      if (Float.isFinite(level) && Math.abs((double) level - x) < chosen) {
        throw new AssertionError(
            format + " encodes " + x + " as " + format.decode(format.encode(x)) + ", not " + level);
      }
    }
  }

  @Test
  final void roundingIsMonotoneAndSaturates() {
    for (NumberFormat format : formats()) {
      double span = 1.5 * Math.max(format.highest(), -format.lowest());
      float last = Float.NEGATIVE_INFINITY;
      for (int i = -SAMPLES; i <= SAMPLES; i++) {
        float value = format.decode(format.encode((float) (span * i / SAMPLES)));
        assertThat(value).as("%s at %d", format, i).isGreaterThanOrEqualTo(last);
        last = value;
      }
      for (float huge : new float[] {1e30f, Float.MAX_VALUE, Float.POSITIVE_INFINITY}) {
        assertThat(format.decode(format.encode(huge))).isEqualTo(format.highest());
        assertThat(format.decode(format.encode(-huge))).isEqualTo(format.lowest());
      }
    }
  }

  @Test
  final void theNameIsTheFormat() {
    for (NumberFormat format : formats()) {
      assertThat(format.name()).matches("[a-z][a-z0-9.-]*");
      if (!(format instanceof Table)) {
        assertThat(NumberFormat.parse(format.name())).isEqualTo(format);
        assertThat(NumberFormat.parse(" " + format.name().toUpperCase(java.util.Locale.ROOT)))
            .hasSameHashCodeAs(format);
      }
    }
  }

  @Test
  final void levelsAreCopies() {
    for (NumberFormat format : formats()) {
      format.levels()[0] = 12345f;
      assertThat(format.levels()[0]).isNotEqualTo(12345f);
    }
  }
}

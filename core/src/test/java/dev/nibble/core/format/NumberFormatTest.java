package dev.nibble.core.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.testing.NumberFormatContract;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class NumberFormatTest {
  private static List<NumberFormat> bits(int from, IntFunction<NumberFormat> format) {
    return IntStream.rangeClosed(from, 8).mapToObj(format).toList();
  }

  @Nested
  class SignedIntegers extends NumberFormatContract {
    @Override
    protected List<NumberFormat> formats() {
      return bits(1, b -> new IntFormat(b, true));
    }
  }

  @Nested
  class UnsignedIntegers extends NumberFormatContract {
    @Override
    protected List<NumberFormat> formats() {
      return bits(1, b -> new IntFormat(b, false));
    }

    @Test
    void tiesGoToEven() {
      NumberFormat format = new IntFormat(4, true);
      assertThat(format.decode(format.encode(2.5f))).isEqualTo(2f);
      assertThat(format.decode(format.encode(-3.5f))).isEqualTo(-4f);
    }
  }

  @Nested
  class Floats extends NumberFormatContract {
    @Override
    protected List<NumberFormat> formats() {
      return List.of(
          new FloatFormat(2, 1),
          new FloatFormat(2, 3),
          new FloatFormat(3, 2),
          new FloatFormat(4, 3),
          new FloatFormat(5, 2),
          new FloatFormat(3, 0),
          new FloatFormat(1, 6),
          new FloatFormat(1, 1));
    }

    /** Sheet 17a: largest value, smallest normal, smallest subnormal. */
    @Test
    void publishedExtremes() {
      requireExtremes(new FloatFormat(2, 1), 6f, 1f, 0.5f);
      requireExtremes(new FloatFormat(2, 3), 7.5f, 1f, 0.125f);
      requireExtremes(new FloatFormat(3, 2), 28f, 0.25f, 0.0625f);
      requireExtremes(new FloatFormat(4, 3), 448f, 0x1p-6f, 0x1p-9f);
      requireExtremes(new FloatFormat(5, 2), 57344f, 0x1p-14f, 0x1p-16f);
    }

    private void requireExtremes(FloatFormat f, float largest, float normal, float subnormal) {
      assertThat(f.highest()).isEqualTo(largest);
      assertThat(f.lowest()).isEqualTo(-largest);
      assertThat(f.decode(1 << f.mantissaBits())).isEqualTo(normal);
      assertThat(f.decode(1)).isEqualTo(subnormal);
    }

    @Test
    void fourBitMagnitudesAndTies() {
      FloatFormat f = new FloatFormat(2, 1);
      assertThat(f.levels())
          .containsExactly(0, .5f, 1, 1.5f, 2, 3, 4, 6, -0f, -.5f, -1, -1.5f, -2, -3, -4, -6);
      assertThat(f.decode(f.encode(2.5f))).isEqualTo(2f);
      assertThat(f.decode(f.encode(3.5f))).isEqualTo(4f);
      assertThat(f.decode(f.encode(-5f))).isEqualTo(-4f);
      assertThat(f.encode(-0.1f)).isZero();
    }

    @Test
    void eightBitFloatsAreThoseOfTheJdk() {
      FloatFormat f = new FloatFormat(5, 2);
      for (int code = 0; code < 256; code++) {
        assertThat(f.levels()[code])
            .isEqualTo(Float.valueOf(Float.float16ToFloat((short) (code << 8))));
      }
    }
  }

  /** Sheet 26, acceptance 4: against a search of all levels, on every value that decides. */
  @Nested
  class EightBitFloats {
    private final List<FloatFormat> formats = List.of(new FloatFormat(4, 3), new FloatFormat(5, 2));

    @Test
    void allCodesRoundTripAndNanStaysNan() {
      for (FloatFormat f : formats) {
        int nan = 0;
        for (int code = 0; code < 256; code++) {
          float value = f.decode(code);
          if (Float.isNaN(value)) {
            nan++;
            assertThat(f.decode(f.encode(value))).isNaN();
          } else if (Float.isFinite(value)) {
            assertThat(f.encode(value)).isEqualTo(value == 0 ? 0 : code);
          }
        }
        assertThat(nan).isEqualTo(f.exponentBits() == 4 ? 2 : 6);
      }
    }

    @Test
    void roundingIsToNearestEvenEverywhere() {
      for (FloatFormat f : formats) {
        float[] levels = f.levels();
        for (int code = 0; code < 127; code++) {
          float low = levels[code];
          float high = levels[code + 1];
          if (Float.isFinite(low) && Float.isFinite(high)) {
            float middle = (low + high) / 2;
            for (float x :
                new float[] {
                  low,
                  Math.nextUp(low),
                  Math.nextDown(middle),
                  middle,
                  Math.nextUp(middle),
                  Math.nextDown(high),
                  high
                }) {
              requireSearched(f, levels, x);
              requireSearched(f, levels, -x);
            }
          }
        }
        for (float x : new float[] {448, 449, 480, 57344, 57345, 61440, 1e6f}) {
          requireSearched(f, levels, x);
          requireSearched(f, levels, -x);
        }
      }
    }

    private void requireSearched(FloatFormat f, float[] levels, float x) {
      int best = 0;
      for (int code = 1; code < 256; code++) {
        double gain = Math.abs((double) levels[best] - x) - Math.abs((double) levels[code] - x);
        if (Float.isFinite(levels[code])
            && (gain > 0 || (gain == 0 && (best & 1) == 1 && (code & 1) == 0))) {
          best = code;
        }
      }
      assertThat(f.encode(x)).as("%s of %s", x, f).isEqualTo(best);
    }
  }

  @Nested
  class NormalFloats extends NumberFormatContract {
    @Override
    protected List<NumberFormat> formats() {
      return bits(2, NormalFloat::new);
    }

    @Test
    void fourBitsFollowTheFormulaOfTheOthers() {
      float[] computed = NormalFloat.quantiles(4);
      float[] levels = new NormalFloat(4).levels();
      for (int i = 0; i < 16; i++) {
        assertThat(Math.abs(levels[i] - computed[i])).as("level %d", i).isLessThan(2e-7f);
      }
    }
  }

  @Nested
  class FixedPoints extends NumberFormatContract {
    @Override
    protected List<NumberFormat> formats() {
      return List.of(new FixedPoint(2, 0), new FixedPoint(8, 6), new FixedPoint(8, 16));
    }

    @Test
    void mxint8Extremes() {
      assertThat(new FixedPoint(8, 6).highest()).isEqualTo(1.984375f);
      assertThat(new FixedPoint(8, 6).decode(1)).isEqualTo(1 / 64f);
    }
  }

  @Nested
  class PowersOfTwo extends NumberFormatContract {
    @Override
    protected List<NumberFormat> formats() {
      return bits(2, PowerOfTwo::new);
    }

    @Test
    void levels() {
      assertThat(new PowerOfTwo(3).levels()).containsExactly(0, .25f, .5f, 1, -0f, -.25f, -.5f, -1);
    }
  }

  @Nested
  class PowersOfRootTwo extends NumberFormatContract {
    @Override
    protected List<NumberFormat> formats() {
      return bits(2, PowerOfRootTwo::new);
    }

    @Test
    void levels() {
      assertThat(new PowerOfRootTwo(3).levels())
          .containsExactly(0, .5f, (float) Math.sqrt(.5), 1, -0f, -.5f, -(float) Math.sqrt(.5), -1);
    }
  }

  @Nested
  class Logarithms extends NumberFormatContract {
    @Override
    protected List<NumberFormat> formats() {
      return List.of(new Logarithmic(2, 16), new Logarithmic(4, 1.5), new Logarithmic(8, 1.0625));
    }
  }

  @Nested
  class Smallest extends NumberFormatContract {
    @Override
    protected List<NumberFormat> formats() {
      return List.of(new Ternary(), new Binary());
    }
  }

  @Nested
  class Tables extends NumberFormatContract {
    @Override
    protected List<NumberFormat> formats() {
      return List.of(
          new Table("two", new float[] {3f, -1f}),
          new Table("mixed", new float[] {5f, -2f, 0.25f, 5f, 100f, 0f, -0f, 7f}));
    }

    @Test
    void levelsMustBeFiniteAndAPowerOfTwo() {
      assertThatThrownBy(() -> new Table("bad", new float[] {1f, Float.NaN}))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> new Table("bad", new float[3]))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void unknownNamesListWhatIsAllowed() {
    assertThatThrownBy(() -> NumberFormat.parse("float4"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("\"float4\"")
        .hasMessageContaining("nf2 to nf8");
  }
}

package dev.nibble.runtime.decoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.NibbleException;
import dev.nibble.runtime.kernel.Lanes;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class KvCacheTest {
  private static final int[] HEAD_DIMS = {5, 8, 31, 32, 33, 64, 80, 100};

  /** Rows of all scales, with an offset, a row of zeros and one of equal numbers. */
  private static float[] rows(int positions, int headDim, long seed) {
    Random random = new Random(seed);
    float[] x = new float[positions * headDim];
    for (int p = 0; p < positions; p++) {
      float size = (float) Math.min(8000, Math.exp(random.nextGaussian() * 4));
      for (int d = 0; d < headDim; d++) {
        float v = size * (float) (random.nextGaussian() + (d % 7 == 0 ? 3 : 0));
        x[p * headDim + d] = p % 50 == 3 ? 0 : p % 50 == 4 ? size : v;
      }
    }
    return x;
  }

  private static float key(KvCache cache, int array, int position, int d) {
    int headDim = cache.shape().headDim();
    KeyStore keys = cache.keys();
    int block = position / Lanes.PANEL;
    float[] panel = new float[(headDim + 7) * Lanes.PANEL];
    keys.panel(array, block, panel);
    return panel[d * Lanes.PANEL + position % Lanes.PANEL];
  }

  private static float value(KvCache cache, int array, int position, int d) {
    ValueStore values = cache.values();
    int from = position - position % 3;
    float[] rows = new float[3 * Lanes.PANEL];
    values.slice(array, d / Lanes.PANEL, from, position + 1, rows);
    return rows[(position - from) * Lanes.PANEL + d % Lanes.PANEL];
  }

  private static void holds(KvCache cache, KvKind kind, int array, float[] x, int positions) {
    int headDim = cache.shape().headDim();
    for (int p = 0; p < positions; p += p < 8 ? 1 : 7) {
      double[] bounds = Errors.of(kind, x, p * headDim, headDim);
      for (int d = 0; d < headDim; d++) {
        double want = x[p * headDim + d];
        assertThat((double) key(cache, array, p, d)).isEqualTo(want, within(bounds[d]));
        assertThat((double) value(cache, array, p, d)).isEqualTo(want, within(bounds[d]));
      }
    }
  }

  private static void store(KvCache cache, int array, float[] x, int from, int to) {
    int headDim = cache.shape().headDim();
    for (int p = from; p < to; p++) {
      cache.reserve(p + 1);
      cache.store(array, p, x, p * headDim, x, p * headDim);
    }
  }

  @ParameterizedTest
  @EnumSource
  void numbersComeBackWithinTheErrorOfTheirKind(KvKind kind) {
    for (int headDim : HEAD_DIMS) {
      KvCache cache = new KvCache(KvKinds.of(kind), new KvShape(3, headDim), 700);
      float[] x = rows(700, headDim, headDim);
      float[] other = rows(700, headDim, headDim + 1000);
      store(cache, 1, x, 0, 200);
      store(cache, 2, other, 0, 700);
      store(cache, 1, x, 200, 700);
      holds(cache, kind, 1, x, 700);
      holds(cache, kind, 2, other, 700);
    }
  }

  @Test
  void halvesStayFinite() {
    KvCache cache = new KvCache(KvKinds.of(KvKind.FP16), new KvShape(1, 2), 16);
    store(cache, 0, new float[] {1e6f, -1e6f}, 0, 1);
    assertThat(key(cache, 0, 0, 0)).isEqualTo(65504);
    assertThat(value(cache, 0, 0, 1)).isEqualTo(-65504);
  }

  @ParameterizedTest
  @EnumSource
  void whatIsStoredAgainReplacesAllOfWhatWasThere(KvKind kind) {
    for (int headDim : HEAD_DIMS) {
      KvCache used = new KvCache(KvKinds.of(kind), new KvShape(1, headDim), 300);
      KvCache fresh = new KvCache(KvKinds.of(kind), new KvShape(1, headDim), 300);
      store(used, 0, rows(300, headDim, 1), 0, 300);
      float[] x = rows(300, headDim, 2);
      store(used, 0, x, 0, 300);
      store(fresh, 0, x, 0, 300);
      for (int p = 0; p < 300; p++) {
        for (int d = 0; d < headDim; d++) {
          assertThat(key(used, 0, p, d)).isEqualTo(key(fresh, 0, p, d));
          assertThat(value(used, 0, p, d)).isEqualTo(value(fresh, 0, p, d));
        }
      }
    }
  }

  @Test
  void bytesAreThoseOfTheKinds() {
    KvShape shape = new KvShape(6, 64);
    Map<KvKind, Double> bits =
        Map.of(KvKind.FP32, 32.0, KvKind.FP16, 16.0, KvKind.Q8, 8.5, KvKind.Q4, 5.0);
    for (KvKind keys : KvKind.values()) {
      for (KvKind values : KvKind.values()) {
        KvCache cache = new KvCache(new KvKinds(keys, values), shape, 1024);
        cache.reserve(257);
        double numbers = 6 * 64 * 512;
        assertThat(cache.byteSize())
            .isEqualTo((long) (numbers * (bits.get(keys) + bits.get(values)) / 8));
      }
    }
  }

  @Test
  void namesOfKindsAreRead() {
    assertThat(KvKinds.parse("q8")).isEqualTo(KvKinds.of(KvKind.Q8));
    assertThat(KvKinds.parse(" FP16 ")).isEqualTo(KvKinds.of(KvKind.FP16));
    assertThat(KvKinds.parse("v=q4,k=q8")).isEqualTo(new KvKinds(KvKind.Q8, KvKind.Q4));
    for (KvKind keys : KvKind.values()) {
      for (KvKind values : KvKind.values()) {
        KvKinds kinds = new KvKinds(keys, values);
        assertThat(KvKinds.parse(kinds.toString())).isEqualTo(kinds);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "q5", "k=q8", "v=q4", "k=q8,v=", "k=q8,k=q4", "q8,q4", "k=q8,v=q4,v=q4", "="})
  void anythingElseIsExplained(String text) {
    assertThatThrownBy(() -> KvKinds.parse(text))
        .isInstanceOf(NibbleException.class)
        .hasMessage(
            "--cache takes one of fp32, fp16, q8, q4, or one for keys and one for values as in"
                + " k=q8,v=q4, but was given '"
                + text
                + "'");
  }
}

package dev.nibble.runtime.decoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.RandomModel;
import dev.nibble.runtime.emit.EmittedFloats;
import dev.nibble.runtime.kernel.Team;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Attention over every kind of cache against doubles. */
class AttentionTest {
  private static final int LAYER = 1;

  static Stream<ModelConfig> shapes() {
    return Stream.of(
        RandomModel.llama(2, 4, 2, 64, 8, 8),
        RandomModel.llama(2, 3, 3, 33, 8, 8),
        RandomModel.llama(2, 10, 1, 80, 8, 8),
        RandomModel.windowed(13),
        RandomModel.windowed(1100),
        RandomModel.alibi());
  }

  /** Queries of the last positions over random keys and values of all of them. */
  private record Case(ModelConfig config, int positions, float[] q, float[] k, float[] v) {
    static Case random(ModelConfig config, int positions, int queries) {
      Random random = new Random(positions);
      return new Case(
          config,
          positions,
          gaussian(random, queries * config.qSize()),
          gaussian(random, positions * config.kvSize()),
          gaussian(random, positions * config.kvSize()));
    }

    private static float[] gaussian(Random random, int n) {
      float[] x = new float[n];
      for (int i = 0; i < n; i++) {
        x[i] = (float) random.nextGaussian();
      }
      return x;
    }

    int queries() {
      return q.length / config.qSize();
    }

    float[] run(KvKinds kinds, int threads) {
      KvCache cache = KvCache.create(kinds, config, positions);
      for (int p = 0; p < positions; p++) {
        cache.reserve(p + 1);
        for (int h = 0; h < config.kvHeads(); h++) {
          int at = p * config.kvSize() + h * config.headDim();
          cache.store(LAYER * config.kvHeads() + h, p, k, at, v, at);
        }
      }
      Sequence sequence = new Sequence(cache, null, positions, config.vocabSize());
      sequence.advance(positions - queries());
      Rows rows = new Rows();
      int[] tokens = new int[queries()];
      rows.add(sequence, tokens, 0, tokens.length, positions, false, () -> false);
      float[] out = new float[q.length];
      try (Team team = new Team(threads)) {
        new Attention(config, EmittedFloats.orVector(), threads).run(rows, LAYER, q, out, team);
      }
      return out;
    }

    /**
     * One head's output in doubles. With scores off by at most D, probabilities are off by a factor
     * {@code e^(2D)}, so the output is off by at most the error of the values and {@code (e^(2D) −
     * 1) Σ p|v|}.
     */
    void check(KvKinds kinds, int query, int head, float[] out) {
      int d = config.headDim();
      int position = positions - queries() + query;
      int window = config.window(LAYER);
      int low = window == 0 ? 0 : Math.max(0, position - window + 1);
      int kvHead = head / (config.heads() / config.kvHeads());
      int queryAt = query * config.qSize() + head * d;
      double[] weights = new double[position + 1 - low];
      double sum = 0;
      double wrong = 0;
      for (int p = low; p <= position; p++) {
        int at = p * config.kvSize() + kvHead * d;
        double[] errors = Errors.of(kinds.keys(), k, at, d);
        double score = 0;
        double error = 0;
        for (int i = 0; i < d; i++) {
          score += (double) q[queryAt + i] * k[at + i];
          error += Math.abs(q[queryAt + i]) * errors[i];
        }
        wrong = Math.max(wrong, error * config.attentionScale());
        weights[p - low] = Math.exp(score * config.attentionScale() + bias(head, p - position));
        sum += weights[p - low];
      }
      double[] expected = new double[d];
      double[] bound = new double[d];
      for (int p = low; p <= position; p++) {
        int at = p * config.kvSize() + kvHead * d;
        double[] errors = Errors.of(kinds.values(), v, at, d);
        double weight = weights[p - low] / sum;
        for (int i = 0; i < d; i++) {
          expected[i] += weight * v[at + i];
          bound[i] +=
              weight
                  * (Math.expm1(2 * wrong) * Math.abs(v[at + i]) + Math.exp(2 * wrong) * errors[i]);
        }
      }
      for (int i = 0; i < d; i++) {
        assertThat((double) out[queryAt + i])
            .as("%s %s query %d head %d dim %d", kinds, config.family(), query, head, i)
            .isEqualTo(expected[i], within(bound[i] + 1e-5));
      }
    }

    private double bias(int head, int distance) {
      if (config.positions() != ModelConfig.Positions.ALIBI) {
        return 0;
      }
      int n = Integer.highestOneBit(config.heads());
      double exponent = head < n ? -8.0 / n * (head + 1) : -4.0 / n * (2 * (head - n) + 1);
      return Math.pow(2, exponent) / Math.sqrt(config.headDim()) * distance;
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void everyPairOfKindsStaysWithinItsErrorBound(ModelConfig config) {
    for (int positions : new int[] {1, 40, 300}) {
      Case all = Case.random(config, positions, Math.min(positions, 11));
      for (KvKind keys : KvKind.values()) {
        for (KvKind values : KvKind.values()) {
          KvKinds kinds = new KvKinds(keys, values);
          float[] out = all.run(kinds, 1);
          for (int query = 0; query < all.queries(); query += 5) {
            for (int head = 0; head < config.heads(); head++) {
              all.check(kinds, query, head, out);
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void contextsOfSeveralBlocksAreSummedAsOne(ModelConfig config) {
    for (int queries : new int[] {1, 40}) {
      Case all = Case.random(config, 2500, queries);
      float[] out = all.run(KvKinds.of(KvKind.FP32), 1);
      for (int query = 0; query < queries; query += 13) {
        for (int head = 0; head < config.heads(); head++) {
          all.check(KvKinds.of(KvKind.FP32), query, head, out);
        }
      }
      for (KvKinds kinds : new KvKinds[] {KvKinds.of(KvKind.FP32), KvKinds.parse("k=q4,v=q8")}) {
        assertThat(all.run(kinds, 3)).containsExactly(all.run(kinds, 1));
      }
    }
  }

  @Test
  void aMaximumThatRisesInEveryBlockOutweighsTheEarlierOnes() {
    ModelConfig config = RandomModel.llama(2, 1, 1, 8, 8, 8);
    Case all = Case.random(config, 4000, 1);
    Arrays.fill(all.q, 1f);
    for (int p = 0; p < 4000; p++) {
      Arrays.fill(all.k, p * 8, p * 8 + 8, p / 40f);
    }
    KvKinds kinds = KvKinds.of(KvKind.FP32);
    // scores reach 280: the plain exponentials overflow
    double scale = config.attentionScale();
    float[] out = all.run(kinds, 1);
    for (int d = 0; d < 8; d++) {
      double sum = 0;
      double mixed = 0;
      for (int p = 0; p < 4000; p++) {
        double weight = Math.exp(8 * scale * (p - 3999) / 40.0);
        sum += weight;
        mixed += weight * all.v[p * 8 + d];
      }
      assertThat((double) out[d]).isEqualTo(mixed / sum, within(1e-4));
    }
  }
}

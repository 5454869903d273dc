package dev.nibble.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The step ohq. */
class OhqStepTest extends AllocatorContract {
  private static final List<String> LEVELS = List.of("int2:g16", "int4:g16", "int8:channel");

  /** Two bits take long to unpack and eight long to read, but wide weights are quick at eight. */
  private static final FakeTimes UNEVEN = new FakeTimes(OhqStepTest::uneven);

  private static double uneven(PackedTensor weight) {
    double each =
        switch (weight.typeName().substring(0, 4)) {
          case "int2" -> 3;
          case "int4" -> 1;
          default -> weight.columns() > 32 ? 0.7 : 1.6;
        };
    return each * weight.elements() * 1e-9;
  }

  @Override
  String step(String levels, String budget) {
    return "ohq: { beta: 0, samples: 2, levels: " + levels + ", " + budget + " }";
  }

  @Override
  String reversed(String levels, String budget) {
    return step(levels, "order: random, " + budget);
  }

  private static Allocation of(AllocationRun run, String options) {
    String levels = "levels: [ '" + String.join("', '", LEVELS) + "' ]";
    return run.of("{ ohq: { samples: 2, " + levels + ", " + options + " } }, rtn");
  }

  private static List<AllocationReport.Row> rows(AllocationRun run, String options) {
    return of(run, options).reports().getLast().rows();
  }

  private static int[] choice(List<AllocationReport.Row> rows) {
    return rows.stream()
        .mapToInt(row -> LEVELS.indexOf(row.level().replace(":asym", "").replace(":sym", "")))
        .toArray();
  }

  private static AllocationRun oneLayer() {
    ModelConfig config = TinyModels.llama(61, 32, 48, 1);
    return new AllocationRun(
        TinyFamilies.weights(config, 3), TinyFamilies.tokens(config, 2, 24, 8));
  }

  private static double[][] kept(AllocationRun run, String key) {
    JsonNode json =
        run.kept().entrySet().stream()
            .filter(e -> e.getKey().startsWith(key))
            .map(Map.Entry::getValue)
            .findFirst()
            .orElseThrow();
    double[][] out = new double[json.size()][json.get(0).size()];
    for (int u = 0; u < out.length; u++) {
      for (int l = 0; l < out[u].length; l++) {
        out[u][l] = Double.parseDouble(json.get(u).get(l).asText());
      }
    }
    return out;
  }

  private static double[][] bytes(AllocationRun run, Allocation like, List<String> units) {
    double[][] out = new double[units.size()][LEVELS.size()];
    for (int l = 0; l < LEVELS.size(); l++) {
      int level = l;
      Allocation all = new Allocation();
      like.sites()
          .keySet()
          .forEach(s -> all.assign(s, Level.parse(LEVELS.get(level), "test").assignment()));
      run.forEachForm("rtn", all, (site, size) -> out[units.indexOf(site)][level] = size);
    }
    return out;
  }

  private static double[][] normalized(double[][] table) {
    double[] all = Arrays.stream(table).flatMapToDouble(Arrays::stream).sorted().toArray();
    double range = all[all.length - 1] - all[0];
    return Arrays.stream(table)
        .map(row -> Arrays.stream(row).map(v -> (v - all[0]) / range).toArray())
        .toArray(double[][]::new);
  }

  private static double[][] sum(double alpha, double[][] s, double beta, double[][] t) {
    double[][] out = new double[s.length][LEVELS.size()];
    for (int u = 0; u < out.length; u++) {
      for (int l = 0; l < out[u].length; l++) {
        out[u][l] = alpha * s[u][l] + beta * t[u][l];
      }
    }
    return out;
  }

  private static double bruteForce(
      double[][] cost, double[][] bytes, double size, double[][] times, double seconds) {
    double best = Double.POSITIVE_INFINITY;
    int[] choice = new int[cost.length];
    for (int code = 0; code < Math.pow(LEVELS.size(), choice.length); code++) {
      for (int u = 0, rest = code; u < choice.length; u++, rest /= LEVELS.size()) {
        choice[u] = rest % LEVELS.size();
      }
      if (Knapsack.sum(bytes, choice) <= size && Knapsack.sum(times, choice) <= seconds) {
        best = Math.min(best, Knapsack.sum(cost, choice));
      }
    }
    return best;
  }

  @Test
  void theChoiceIsTheBestOfAllThatKeepBothLimits() {
    AllocationRun run = oneLayer().times(UNEVEN);
    Allocation any = of(run, "mask_mode: quantize");
    List<AllocationReport.Row> units = any.reports().getLast().rows();
    double[][] times = kept(run, "kernel times");
    double[][] bytes = bytes(run, any, units.stream().map(AllocationReport.Row::unit).toList());
    double[][] cost =
        sum(2, normalized(Knapsack.falling(kept(run, "QUANTIZE"))), 0.5, normalized(times));
    long weights = units.stream().mapToLong(AllocationReport.Row::weights).sum();
    double fastest = Arrays.stream(times).mapToDouble(r -> Arrays.stream(r).min().orElse(0)).sum();
    double last = Double.POSITIVE_INFINITY;
    int refused = 0;
    for (double bits : new double[] {4.6, 5.5, 7, 9}) {
      double least = Double.POSITIVE_INFINITY;
      for (double share : new double[] {1.05, 1.25, 2}) {
        double seconds = share * 1.2 * fastest;
        String options = "mask_mode: quantize, alpha: 2, beta: 0.5, bits: " + bits;
        double best = bruteForce(cost, bytes, bits * weights / 8, times, seconds);
        String limited = options + ", max_latency: " + 1e6 * seconds;
        if (Double.isInfinite(best)) {
          assertThatThrownBy(() -> of(run, limited)).hasMessageContaining("cannot be reached");
          refused++;
          continue;
        }
        int[] choice = choice(rows(run, limited));
        assertThat(Knapsack.sum(cost, choice))
            .as("%s bits, %s of the fastest", bits, share)
            .isCloseTo(best, within(1e-9));
        assertThat(best).isLessThanOrEqualTo(least);
        least = best;
      }
      assertThat(least).isLessThanOrEqualTo(last);
      last = least;
    }
    assertThat(refused).isBetween(1, 4);
  }

  @Test
  void withoutSensitivityEveryLayerGetsItsFastestWidth() {
    for (AllocationReport.Row row : rows(run().times(UNEVEN), "alpha: 0")) {
      boolean wide = row.unit().endsWith(TensorNames.DOWN);
      assertThat(row.level()).as(row.unit()).startsWith(wide ? "int8" : "int4");
    }
  }

  @Test
  void withoutTimesAndLimitsEveryLayerGetsTheWidest() {
    assertThat(rows(run(), "beta: 0")).allMatch(row -> row.level().startsWith("int8"));
  }

  @Test
  void aBudgetOfAllAtEightBitsGivesEight() {
    List<AllocationReport.Row> all = rows(run(), "beta: 0");
    double bits =
        8.0
            * all.stream().mapToLong(AllocationReport.Row::bytes).sum()
            / all.stream().mapToLong(AllocationReport.Row::weights).sum();
    assertThat(rows(run(), "beta: 0, bits: " + bits))
        .allMatch(row -> row.level().startsWith("int8"));
  }

  @Test
  void aLatencyThatNothingReachesIsRefusedWithTheLeastThatIs() {
    assertThatThrownBy(() -> of(run().times(UNEVEN), "max_latency: 0.5"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("max_latency: 0.5 microseconds cannot be reached")
        .hasMessageContaining("takes 36.1");
  }

  @Test
  void aWidthWithoutAKernelIsLeftOutAndNamed() {
    AllocationRun run =
        run().times(new FakeTimes(w -> w.typeName().startsWith("int4") ? Double.NaN : uneven(w)));
    assertThat(rows(run, "bits: 5")).noneMatch(row -> row.level().startsWith("int4"));
    assertThat(run.events().sites("ohq.kernel")).containsExactly("int4:g16:asym");
    assertThatThrownBy(() -> of(run().times(new FakeTimes(w -> Double.NaN)), "bits: 5"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("fewer than two have a kernel");
  }

  @Test
  void aLayerOfZerosMattersToNobodyAndGetsTheLeast() {
    Map<String, PackedTensor> tensors = new HashMap<>();
    weights.names().forEach(name -> tensors.put(name, weights.tensor(name)));
    String site = TensorNames.layer(2, TensorNames.DOWN);
    PackedTensor down = weights.tensor(TensorNames.weight(site));
    tensors.put(
        TensorNames.weight(site),
        DenseTensor.of(new float[Math.toIntExact(down.elements())], down.shape()));
    InMemoryWeights changed = new InMemoryWeights(weights.config(), tensors, Map.of());
    for (String mask : new String[] {"zero", "quantize"}) {
      assertThat(rows(new AllocationRun(changed, tokens), "beta: 0, bits: 6, mask_mode: " + mask))
          .filteredOn(row -> row.unit().equals(site))
          .allMatch(row -> row.level().startsWith("int2") && row.score() == 0);
    }
  }

  @Test
  void textThatTheModelWritesNeedsNoData() {
    String options = "beta: 0, bits: 5, calib: synthetic, length: 12";
    AllocationRun none = new AllocationRun(weights, new int[0][]);
    List<AllocationReport.Row> rows = rows(none.threads(1), options);
    assertThat(rows).allMatch(row -> row.score() > 0);
    assertThat(rows(new AllocationRun(weights, new int[0][]).threads(3), options)).isEqualTo(rows);
    assertThat(rows(new AllocationRun(weights, new int[0][]).seed(6), options)).isNotEqualTo(rows);
  }

  @Test
  void everyFamilyCanBeMasked() {
    TinyFamilies.families()
        .forEach(
            (name, config) ->
                assertThat(
                        rows(
                            new AllocationRun(
                                TinyFamilies.weights(config, 4),
                                TinyFamilies.tokens(config, 2, 20, 2)),
                            "beta: 0, bits: 6"))
                    .as(name)
                    .isNotEmpty()
                    .allMatch(row -> row.score() >= 0));
  }

  @Test
  void masksRankLayersOfTheBundledModelAsRoundingEachAloneDoes() {
    int[][] calibration = TinyLm.tokens("calibration.txt", 4, 256);
    try (TinyLm lm = new TinyLm()) {
      AllocationRun run = new AllocationRun(lm.weights(), calibration);
      double[] masked = scores(run, "zero");
      double[] rounded = scores(run, "quantize");
      assertThat(spearman(masked, rounded)).isGreaterThan(0.5);
      assertThat(spearman(kept(run, "ZERO")[0], rounded)).isGreaterThan(0.5);
    }
  }

  private static double[] scores(AllocationRun run, String mask) {
    return run
        .of(
            "{ ohq: { beta: 0, bits: 6, levels: [ 'int4:g128', 'int8:channel' ], samples: 4,"
                + " mask_mode: "
                + mask
                + " } }, rtn")
        .reports()
        .getLast()
        .rows()
        .stream()
        .mapToDouble(AllocationReport.Row::score)
        .toArray();
  }

  private static double spearman(double[] a, double[] b) {
    int n = a.length;
    int[] ranksA = ranks(a);
    int[] ranksB = ranks(b);
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += Math.pow(ranksA[i] - ranksB[i], 2);
    }
    return 1 - 6 * sum / ((double) n * (n * n - 1));
  }

  private static int[] ranks(double[] values) {
    int[] order = Ranking.descending(values);
    int[] out = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      out[order[i]] = i;
    }
    return out;
  }

  @Test
  void leavesNoNativeMemory() {
    String options = "beta: 0, bits: 5, calib: synthetic, length: 6";
    of(run(), options);
    long before = Torch.liveObjects();
    of(run(), options);
    of(run(), "beta: 0, bits: 5, mask_mode: quantize");
    assertThat(Torch.liveObjects()).isEqualTo(before);
  }

  @Test
  void optionsThatMakeNoSenseAreRefused() {
    for (String options :
        new String[] {"alpha: 0, beta: 0", "mask_ratio: 0", "bits: 4, size: 1MB"}) {
      assertThatThrownBy(() -> AllocationRun.steps("{ ohq: { " + options + " } }"))
          .as(options)
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("ohq");
    }
  }
}

package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.BlockRun;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.recipe.StepRegistry;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.transform.SeededOrthogonal;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Site;
import dev.nibble.models.SiteState;
import dev.nibble.models.Torch;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The acceptance list of sheet 08a, for the step quip. */
class QuipTest {
  private static final int ROWS = 40;
  private static final int N = 60;
  private static final ModelConfig CONFIG = TinyFamilies.llama();
  private static final int[][] TOKENS = TinyFamilies.tokens(CONFIG, 6, 20, 3);

  private static Step step(String options) {
    try {
      return StepRegistry.load()
          .create("quip", "test", (ObjectNode) new ObjectMapper().readTree(options));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static Incoherence kron(int rows, int n, OnlineTransform... first) {
    List<OnlineTransform> inputs = new java.util.ArrayList<>(List.of(first));
    inputs.add(new OnlineTransform.Seeded(SeededOrthogonal.Form.KRONECKER, n, 11, false));
    return new Incoherence(
        inputs,
        List.of(new OnlineTransform.Seeded(SeededOrthogonal.Form.KRONECKER, rows, 12, true)));
  }

  /** Acceptance 2: without rounding nothing changes, and the error is the same in both spaces. */
  @ParameterizedTest
  @ValueSource(ints = {60, 61, 64})
  void processingUndoesItself(int n) {
    float[] w = GptqCases.gaussians(ROWS * n, 1);
    float[] q = GptqCases.gaussians(ROWS * n, 2);
    double[] h = GptqCases.correlatedHessian(n, 5 * n, 3);
    Torch.run(
        () -> {
          Tensor weight = Torch.fromFloats(w, ROWS, n).to(ScalarType.Double);
          Tensor other = Torch.fromFloats(q, ROWS, n).to(ScalarType.Double);
          Tensor hessian = Torch.fromDoubles(h, n, n);
          Incoherence maps = kron(ROWS, n, Incoherence.rescaling(weight, hessian));
          float[] back = Torch.toFloats(maps.undone(maps.weight(weight)));
          assertThat(back).containsExactly(w, within(1e-4f));
          double before = GptqCases.error(w, q, h, n);
          double after =
              GptqCases.error(
                  Torch.toFloats(maps.weight(weight)),
                  Torch.toFloats(maps.weight(other)),
                  Torch.toDoubles(maps.hessian(hessian)),
                  n);
          assertThat(after / before).isCloseTo(1, within(1e-4));
        });
  }

  /** Acceptance 3: theorem 6 of the paper, on the same grids. */
  @ParameterizedTest
  @ValueSource(strings = {"int8:channel", "int4:channel", "int2:channel", "int3:g16"})
  void ldlqIsGptqFromTheLastColumnToTheFirst(String text) {
    QuantSpec spec = QuantSpec.parse(text);
    float[] w = GptqCases.gaussians(ROWS * N, 4);
    double[] h = GptqCases.correlatedHessian(N, 5 * N, 5);
    PackedTensor ldlq =
        solved(w, h, spec, "{\"qfn\": \"a\", \"rounding\": \"ldlq\"}").orElseThrow();
    float[] reversed = reversed(w);
    double[] hessian = new double[N * N];
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        hessian[i * N + j] = h[(N - 1 - i) * N + N - 1 - j];
      }
    }
    float[] gptq =
        GptqCases.withHessian(
            hessian,
            (matrix, workers) -> {
              Curvature curvature = Curvature.of(matrix, 0.01, false, workers).orElseThrow();
              // groups of the reversed matrix are those of the matrix only where they divide it
              return spec.groups(N) == 1
                  ? Gptq.solve(reversed, curvature, spec, GptqOptions.DEFAULT, workers)
                      .pack(ROWS, N, spec)
                      .toFloats()
                  : null;
            });
    if (gptq != null) {
      assertThat(ldlq.toFloats()).isEqualTo(reversed(gptq));
    }
    assertThat(ldlq.toFloats()).isEqualTo(plainLdlq(w, h, spec));
  }

  private static float[] reversed(float[] w) {
    float[] out = new float[w.length];
    for (int i = 0; i < w.length; i++) {
      out[i] = w[i / N * N + N - 1 - i % N];
    }
    return out;
  }

  /** The formula of the paper, written out: feedback of all later columns at once. */
  private static float[] plainLdlq(float[] w, double[] h, QuantSpec spec) {
    LdlFactor factor = factor(h);
    PackedTensor nearest = site(w, spec, "{\"qfn\": \"a\"}", 1).nearest();
    var affine = (dev.nibble.core.tensor.AffineTensor) nearest;
    float[] out = new float[w.length];
    int top = (1 << spec.bits()) - 1;
    for (int row = 0; row < ROWS; row++) {
      for (int i = N - 1; i >= 0; i--) {
        double x = w[row * N + i];
        for (int k = N - 1; k > i; k--) {
          x += ((double) w[row * N + k] - out[row * N + k]) * factor.lower()[k][i];
        }
        int group = affine.groupOf(i);
        float scale = affine.scale(row, group);
        int zero = affine.zero(row, group);
        double code = Math.min(top, Math.max(0, Math.rint(x / scale + zero)));
        out[row * N + i] = scale * ((int) code - zero);
      }
    }
    return out;
  }

  private static LdlFactor factor(double[] h) {
    int n = (int) Math.sqrt(h.length);
    return Torch.scope(() -> LdlFactor.of(Torch.fromDoubles(h, n, n), 0.01).orElseThrow());
  }

  private static QuipSite site(float[] w, QuantSpec spec, String options, int threads) {
    Workers workers = new Workers(threads);
    return new QuipSite(w, N, spec, options(options), workers);
  }

  private static QuipOptions options(String json) {
    try {
      return QuipOptions.from(
          new dev.nibble.compress.recipe.OptionReader("quip", new ObjectMapper().readTree(json)));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static Optional<PackedTensor> solved(
      float[] w, double[] h, QuantSpec spec, String options) {
    try (Workers workers = new Workers(2)) {
      return new QuipSite(w, N, spec, options(options), workers).solved(Optional.of(factor(h)), 1);
    }
  }

  /** Acceptance 4. */
  @Test
  void outliersDisappear() {
    int n = 256;
    float[] w = GptqCases.gaussians(n * n, 6);
    for (int i = 0; i < 5; i++) {
      w[i * 9433] = 50;
    }
    float[] turned =
        Torch.scope(
            () ->
                Torch.toFloats(kron(n, n).weight(Torch.fromFloats(w, n, n).to(ScalarType.Double))));
    assertThat(QuipSite.incoherence(turned)).isLessThan(QuipSite.incoherence(w) / 3);
  }

  /** Acceptance 5: at 2 bits per tensor each part helps. */
  @Test
  void feedbackBeatsNearestAndIncoherenceBeatsBoth() {
    QuantSpec spec = QuantSpec.parse("int2:tensor");
    for (long seed = 0; seed < 5; seed++) {
      float[] w = GptqCases.gaussians(ROWS * N, 20 + seed);
      for (int i = 0; i < w.length; i += 97) {
        w[i] *= 6;
      }
      double[] h = GptqCases.correlatedHessian(N, 5 * N, 30 + seed);
      double nearest = error(w, h, site(w, spec, "{}", 1).nearest());
      double ldlq = error(w, h, solved(w, h, spec, "{\"rounding\": \"ldlq\"}").orElseThrow());
      double greedy = error(w, h, solved(w, h, spec, "{}").orElseThrow());
      double[] turned =
          Torch.scope(
              () -> {
                Tensor weight = Torch.fromFloats(w, ROWS, N).to(ScalarType.Double);
                Tensor hessian = Torch.fromDoubles(h, N, N);
                Incoherence maps = kron(ROWS, N, Incoherence.rescaling(weight, hessian));
                float[] v = Torch.toFloats(maps.weight(weight));
                double[] k = Torch.toDoubles(maps.hessian(hessian));
                return new double[] {
                  error(v, k, site(v, spec, "{}", 1).nearest()),
                  error(v, k, solved(v, k, spec, "{\"rounding\": \"ldlq\"}").orElseThrow()),
                  error(v, k, solved(v, k, spec, "{\"rounding\": \"greedy\"}").orElseThrow())
                };
              });
      assertThat(ldlq).isLessThan(nearest);
      assertThat(greedy).isLessThanOrEqualTo(ldlq);
      assertThat(turned[0]).as("nearest").isLessThan(nearest);
      assertThat(turned[1]).as("ldlq").isLessThan(ldlq);
      assertThat(turned[1]).isLessThan(turned[0]);
      assertThat(turned[2]).as("greedy against nearest").isLessThan(turned[0]);
    }
  }

  private static double error(float[] w, double[] h, PackedTensor q) {
    return GptqCases.error(w, q.toFloats(), h, N);
  }

  @Test
  void unbiasedRoundingIsRightOnAverage() {
    CodeGrid grid = new CodeGrid(0.5, 1.5, 0, 3);
    java.util.SplittableRandom random = new java.util.SplittableRandom(1);
    double sum = 0;
    for (int i = 0; i < 20_000; i++) {
      sum += grid.value(grid.unbiased(0.1, random.nextDouble()));
    }
    assertThat(sum / 20_000).isCloseTo(0.1, within(0.01));
    assertThat(grid.nearest(9)).isEqualTo(3);
    assertThat(grid.nearest(Double.NaN)).isZero();
  }

  /** What is stored and run is what was simulated, in every way of mixing. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"spec\": \"int2:tensor\"}",
        "{\"spec\": \"int4:tensor\", \"incoherence\": \"hadamard\"}",
        "{\"spec\": \"int3:tensor\", \"incoherence\": \"dense\", \"unbiased\": true}",
        "{\"spec\": \"int3:tensor\", \"rounding\": \"nearest\", \"rescale\": false}",
        "{\"spec\": \"int3:channel\", \"qfn\": \"a\", \"rounding\": \"ldlq\"}",
        "{\"spec\": \"int2:tensor\", \"runtime_rotation\": \"dense\"}"
      })
  void sitesAreSolvedAsPlannedOnAnyNumberOfThreads(String options) {
    BlockRun one = BlockRun.of(TinyFamilies.weights(CONFIG, 4), List.of(step(options)), TOKENS, 1);
    BlockRun two = BlockRun.of(TinyFamilies.weights(CONFIG, 4), List.of(step(options)), TOKENS, 3);
    assertThat(one.packed()).hasSize(14);
    one.packed()
        .forEach(
            (name, packed) -> {
              long[] shape = packed.shape();
              Site site = new Site(name, Site.Kind.LINEAR, (int) shape[0], (int) shape[1]);
              StoredForm form = step(options).stores(site, new Allocation()).orElseThrow();
              assertThat(packed.byteSize()).isEqualTo(form.sized(shape).byteSize());
              assertThat(packed.typeName()).isEqualTo(form.text());
              assertThat(packed.toFloats()).as(name).isEqualTo(one.parameters().get(name));
              assertThat(two.parameters().get(name)).as(name).isEqualTo(one.parameters().get(name));
            });
    one.events()
        .solved()
        .values()
        .forEach(s -> assertThat(s.relativeError()).isLessThanOrEqualTo(s.rtnRelativeError()));
  }

  /** At 8 bits the whole path, maps and all, gives back the model. */
  @ParameterizedTest
  @ValueSource(strings = {"kron", "hadamard", "dense"})
  void eightBitsAreCloseToTheModel(String mixing) {
    for (String family : List.of("llama", "gpt2", "opt-projected")) {
      ModelConfig config = TinyFamilies.families().get(family);
      int[][] tokens = TinyFamilies.tokens(config, 4, 20, 3);
      RecordedEvents events = new RecordedEvents();
      try (ResidentModel before =
              dev.nibble.models.DecoderModel.open(TinyFamilies.weights(config, 4)).loadAll();
          ResidentModel after =
              new TinyRun(TinyFamilies.weights(config, 4), tokens, events, 2)
                  .apply(
                      step(
                          "{\"spec\": \"int8:channel\", \"qfn\": \"a\", \"incoherence\": \""
                              + mixing
                              + "\"}"))) {
        float[] expected = logits(before, tokens);
        float[] found = logits(after, tokens);
        double error = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
          error += Math.pow(expected[i] - found[i], 2);
          norm += Math.pow(expected[i], 2);
        }
        assertThat(Math.sqrt(error / norm)).as(family).isLessThan(0.05);
      }
    }
  }

  private static float[] logits(ResidentModel model, int[][] tokens) {
    return Torch.scope(
        () ->
            Torch.toFloats(
                Torch.noGrad(() -> model.forward(Torch.tokens(tokens), BlockContext.PLAIN))));
  }

  @Test
  void mapsStayAsSeedsAndDenseWeightsHaveNone() {
    try (ResidentModel model = run("{\"spec\": \"int2:tensor\"}")) {
      SiteState state = model.blocks().get(1).state("model.layers.0.self_attn.q_proj");
      assertThat(state.packed().orElseThrow().typeName()).isEqualTo("midrise2:tensor:fp32");
      assertThat(state.transforms()).hasSize(2);
      assertThat(state.transforms().getLast()).isInstanceOf(OnlineTransform.Seeded.class);
      assertThat(state.outputTransforms())
          .singleElement()
          .isInstanceOf(OnlineTransform.Seeded.class);
    }
    try (ResidentModel model =
        run("{\"spec\": \"int2:tensor\", \"runtime_rotation\": \"dense\"}")) {
      for (Block block : model.blocks()) {
        for (Site site : block.sites()) {
          assertThat(block.state(site.name()).ops().isPlain()).isTrue();
        }
      }
      assertThat(
              model
                  .blocks()
                  .get(1)
                  .state("model.layers.0.self_attn.q_proj")
                  .packed()
                  .orElseThrow()
                  .typeName())
          .isEqualTo("f16");
    }
  }

  private static ResidentModel run(String options) {
    return new TinyRun(TinyFamilies.weights(CONFIG, 4), TOKENS, new RecordedEvents(), 2)
        .apply(step(options));
  }

  /** Acceptance 6: few tokens make the Hessian singular; dead inputs; one output. */
  @Test
  void singularHessiansAndDeadInputsDoNoHarm() {
    int[][] few = {{1, 2, 3}};
    BlockRun run =
        BlockRun.of(
            TinyFamilies.weights(CONFIG, 4),
            List.of(step("{\"spec\": \"int2:tensor\"}")),
            few,
            2,
            block -> {
              if (block.name().equals("model.layers.1")) {
                Torch.view(block.parameter("model.layers.1.input_layernorm.weight"))
                    .asSlice(0, 16)
                    .fill((byte) 0);
              }
            });
    run.parameters()
        .forEach(
            (site, w) -> {
              for (float v : w) {
                assertThat(v).as(site).isFinite();
              }
            });
    float[] w = GptqCases.gaussians(N, 1);
    double[] h = GptqCases.correlatedHessian(N, 5 * N, 2);
    Optional<PackedTensor> one = solved(w, h, QuantSpec.parse("int2:tensor"), "{}");
    assertThat(one.orElseThrow().shape()).containsExactly(1, N);
  }

  @Test
  void solvedSitesAndOtherGridsAreRefused() {
    Step rtn =
        StepRegistry.load()
            .create(
                "rtn",
                "test",
                com.fasterxml.jackson.databind.node.JsonNodeFactory.instance
                    .objectNode()
                    .put("spec", "int4:channel"));
    assertThatThrownBy(
            () ->
                BlockRun.of(
                    TinyFamilies.weights(CONFIG, 4),
                    List.of(rtn, step("{\"spec\": \"int2:tensor\"}")),
                    TOKENS,
                    1))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("quantized already");
    assertThatThrownBy(() -> step("{\"spec\": \"nf4:g64\"}"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("even steps");
  }
}

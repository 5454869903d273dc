package dev.nibble.parity;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.compress.recipe.StepRegistry;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.transform.SeededOrthogonal;
import dev.nibble.models.BlockContext;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.TextModel;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/** Rotated and activation-quantized models: the pure-Java runtime against the simulation. */
class RuntimeParityTest {
  private static final float TOLERANCE = 1e-3f;
  private static final int LENGTH = 13;

  @Test
  void rotatedModelsWithFourBitActivationsRunAsSimulated() throws Exception {
    for (Map.Entry<String, ModelConfig> family : TinyFamilies.families().entrySet()) {
      int[][] tokens = TinyFamilies.tokens(family.getValue(), 1, LENGTH, 4);
      try (ResidentModel model =
          run(
              family.getValue(),
              tokens,
              step("rotate", "{\"online\": [\"down\", \"o\", \"qk\"]}"),
              step("rtn", "{\"spec\": \"int4:g16:asym\"}"),
              step("activation", "{\"bits\": 4, \"clip_ratio\": 0.9}"))) {
        float[] simulated = simulated(model, tokens);
        float[] found = runtime(model.snapshot(), tokens[0]);
        assertThat(difference(simulated, found)).as(family.getKey()).isLessThan(TOLERANCE);
      }
    }
  }

  @Test
  void staticGroupedAndScaledInputsRunAsSimulated() throws Exception {
    ModelConfig config = TinyFamilies.families().get("gpt2");
    int[][] tokens = TinyFamilies.tokens(config, 1, LENGTH, 4);
    List<String> activations =
        List.of(
            "{\"static\": true}",
            "{\"static\": true, \"symmetric\": false, \"percentile\": 99}",
            "{\"granularity\": \"group\", \"group_size\": 24, \"symmetric\": false, \"bits\": 5}");
    for (String options : activations) {
      try (ResidentModel model =
          run(
              config,
              tokens,
              step("awq", "{\"spec\": \"int3:g16:asym\"}"),
              step("activation", options))) {
        assertThat(difference(simulated(model, tokens), runtime(model.snapshot(), tokens[0])))
            .as(options)
            .isLessThan(TOLERANCE);
      }
    }
  }

  /** Every kind of transform, at inputs and outputs, with and without biases. */
  @Test
  void transformedInputsAndOutputsRunAsSimulated() {
    for (String family : List.of("llama", "gpt2")) {
      ModelConfig config = TinyFamilies.families().get(family);
      int[][] tokens = TinyFamilies.tokens(config, 1, LENGTH, 4);
      try (ResidentModel model = run(config, tokens)) {
        for (var block : model.blocks()) {
          block.stages().stream()
              .flatMap(stage -> stage.sites().stream())
              .forEach(site -> block.state(site.name()).ops(everyTransform(site)));
        }
        float[] found = runtime(model.snapshot(), tokens[0]);
        assertThat(difference(simulated(model, tokens), found)).as(family).isLessThan(TOLERANCE);
      }
    }
  }

  private static SiteOps everyTransform(Site site) {
    float[] matrix = {1f, 0.5f, -0.25f, 1f};
    float[] factors = new float[site.outputs()];
    Arrays.fill(factors, 0.75f);
    return new SiteOps(
        List.of(
            new OnlineTransform.Seeded(
                SeededOrthogonal.Form.KRONECKER, site.inputs(), site.name().hashCode(), false),
            new OnlineTransform.BlockMatrix(2, matrix)),
        Optional.of(ActivationQuant.perToken(8)),
        List.of(
            new OnlineTransform.Seeded(SeededOrthogonal.Form.KRONECKER, site.outputs(), 7, true),
            new OnlineTransform.Scaling(factors)));
  }

  @Test
  void leavingOutAnyOneOperatorShows() throws Exception {
    ModelConfig config = TinyFamilies.llama();
    int[][] tokens = TinyFamilies.tokens(config, 1, LENGTH, 4);
    try (ResidentModel model =
        run(
            config,
            tokens,
            step("rotate", "{}"),
            step("activation", "{\"bits\": 4, \"targets\": [\"o_proj\", \"down_proj\"]}"))) {
      float[] simulated = simulated(model, tokens);
      InMemoryWeights whole = model.snapshot();
      assertThat(whole.siteOps()).hasSize(4);
      for (String site : whole.siteOps().keySet()) {
        SiteOps ops = whole.siteOps().get(site);
        SiteOps still = new SiteOps(List.of(), ops.inputQuant());
        SiteOps wide = new SiteOps(ops.onlineTransforms(), Optional.empty());
        for (SiteOps less : List.of(still, wide)) {
          float[] found = runtime(with(whole, site, less), tokens[0]);
          assertThat(difference(simulated, found)).as("%s %s", site, less).isGreaterThan(0.01f);
        }
      }
    }
  }

  private static ResidentModel run(ModelConfig config, int[][] tokens, Step... steps) {
    RecordedEvents events = new RecordedEvents();
    ResidentModel model =
        new TinyRun(TinyFamilies.weights(config, 8), tokens, events, 1).apply(steps);
    assertThat(events.recorded()).noneMatch(e -> e.kind().endsWith("rolled-back"));
    return model;
  }

  private static Step step(String name, String options) throws Exception {
    OptionReader reader =
        new OptionReader(name, new com.fasterxml.jackson.databind.ObjectMapper().readTree(options));
    Step step = StepRegistry.load().find(name).create(reader);
    reader.rejectUnknown();
    return step;
  }

  private static float[] simulated(ResidentModel model, int[][] tokens) {
    Tensor out = Torch.owned(() -> model.forward(Torch.tokens(tokens), BlockContext.PLAIN));
    try {
      return Torch.toFloats(out);
    } finally {
      out.close();
    }
  }

  private static float[] runtime(ModelWeights weights, int[] tokens) {
    int vocabulary = weights.config().vocabSize();
    float[] out = new float[tokens.length * vocabulary];
    try (TextModel model = TextModel.of(weights, RuntimeOptions.DEFAULT.withThreads(1));
        LanguageModel language = model.asLanguageModel()) {
      language.logits(
          tokens,
          0,
          (position, row, offset) ->
              System.arraycopy(row, offset, out, position * vocabulary, vocabulary));
    }
    return out;
  }

  private static InMemoryWeights with(InMemoryWeights weights, String site, SiteOps ops) {
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    weights.names().forEach(name -> tensors.put(name, weights.tensor(name)));
    Map<String, SiteOps> all = new HashMap<>(weights.siteOps());
    all.put(site, ops);
    return new InMemoryWeights(weights.config(), tensors, all);
  }

  private static float difference(float[] expected, float[] found) {
    float worst = 0;
    for (int i = 0; i < expected.length; i++) {
      worst = Math.max(worst, Math.abs(expected[i] - found[i]));
    }
    return worst;
  }
}

package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.recipe.StepRegistry;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/** Sheet 32a, part D: the step learned_rotation. */
class LearnedRotationTest {
  private static final ModelConfig CONFIG = TinyFamilies.llama();
  private static final int[][] TOKENS = TinyFamilies.tokens(CONFIG, 8, 24, 3);

  private static Step step(String options) {
    try {
      return StepRegistry.load()
          .create("learned_rotation", "test", (ObjectNode) new ObjectMapper().readTree(options));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** Acceptance 6: orthogonal after 100 steps, whatever the gradients. */
  @Test
  void cayleyStepsStayOrthogonal() {
    int n = 24;
    double[] identity = new double[n * n];
    for (int i = 0; i < n; i++) {
      identity[i * n + i] = 1;
    }
    double[] goal = GreedyRotation.base(n, 5);
    Torch.run(
        () -> {
          Tensor target = Torch.fromDoubles(goal, n, n);
          Tensor u = Torch.fromDoubles(identity, n, n);
          double start = u.sub(target).square().sum().item_double();
          for (int step = 0; step < 100; step++) {
            u = Cayley.step(u, u.sub(target), 1.5);
          }
          double drift =
              u.mm(u.t()).sub(Torch.fromDoubles(identity, n, n)).abs().max().item_double();
          assertThat(drift).isLessThan(1e-10);
          assertThat(u.sub(target).square().sum().item_double()).isLessThan(start / 4);
        });
  }

  @Test
  void noRateAndNoGradientLeaveTheMatrix() {
    double[] base = GreedyRotation.base(6, 1);
    Torch.run(
        () -> {
          Tensor u = Torch.fromDoubles(base, 6, 6);
          Tensor gradient = Torch.fromDoubles(new double[36], 6, 6).add(u.mul(u));
          assertThat(Torch.toDoubles(Cayley.step(u, gradient, 0))).isEqualTo(base);
          assertThat(Torch.toDoubles(Cayley.step(u, gradient.sub(gradient), 1.5))).isEqualTo(base);
        });
  }

  /** The gradient that reaches the rotations is that of the loss: compared with differences. */
  @Test
  void descentLowersTheLossOfTheTrainingText() {
    for (String objective : List.of("ce", "kl")) {
      RecordedEvents events = new RecordedEvents();
      Step step =
          step(
              "{\"steps\": 12, \"batch\": 4, \"a_bits\": 3, \"objective\": \""
                  + objective
                  + "\", \"held_out\": 0.5, \"lr\": 1.5}");
      try (ResidentModel model =
          new TinyRun(TinyFamilies.weights(CONFIG, 8), TOKENS, events, 2).apply(step)) {
        assertThat(model.config().tiedHead()).isFalse();
      }
      assertThat(events.recorded())
          .anyMatch(e -> e.kind().equals("learned_rotation"))
          .noneMatch(e -> e.kind().endsWith("rolled-back"));
    }
  }

  @Test
  void theResultDoesNotDependOnThreadsAndNeverLosesToTheStart() {
    List<float[]> found = new ArrayList<>();
    for (int threads : new int[] {1, 3}) {
      try (ResidentModel model =
          new TinyRun(TinyFamilies.weights(CONFIG, 8), TOKENS, new RecordedEvents(), threads)
              .apply(step("{\"steps\": 4, \"batch\": 3, \"a_bits\": 3}"))) {
        found.add(Torch.toFloats(model.parameters().get("model.embed_tokens.weight")));
      }
    }
    assertThat(found.get(1)).isEqualTo(found.get(0));
  }

  /** Chained gradients against central differences of the loss along a skew direction. */
  @Test
  void gradientsOfRotationsAreThoseOfTheLoss() {
    int n = 6;
    double[] base = GreedyRotation.base(n, 2);
    Torch.run(
        () -> {
          Tensor target = Torch.fromDoubles(GreedyRotation.base(n, 9), n, n);
          Tensor u = Torch.fromDoubles(base, n, n);
          Tensor next = Cayley.step(u, u.sub(target), 1e-4);
          double before = u.sub(target).square().sum().item_double();
          double after = next.sub(target).square().sum().item_double();
          assertThat(after).isLessThan(before);
          Tensor uphill = Cayley.step(u, target.sub(u), 1e-4);
          double up = uphill.sub(target).square().sum().item_double();
          assertThat(up - before).isCloseTo(before - after, within(1e-2 * (before - after)));
        });
  }

  @Test
  void rotationsAcrossHeadsAndNegativeRatesAreRefused() {
    assertThatThrownBy(() -> step("{\"online\": [\"o\"]}"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("o does not go with learned rotations");
    assertThatThrownBy(() -> step("{\"lr\": -1}"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("lr");
  }

  /** With inputs of few bits and a planted outlier channel, learning beats its own start. */
  @Test
  void learningLowersTheHeldOutLoss() {
    RecordedEvents events = new RecordedEvents();
    int[][] tokens = new int[8][24];
    for (int s = 0; s < tokens.length; s++) {
      for (int i = 0; i < 24; i++) {
        tokens[s][i] = (s + 3 * i) % 11;
      }
    }
    Step step = step("{\"steps\": 40, \"batch\": 6, \"a_bits\": 2, \"objective\": \"kl\"}");
    try (ResidentModel model =
        new TinyRun(TinyFamilies.weights(CONFIG, 8), tokens, events, 2).apply(step)) {
      assertThat(model.blocks()).hasSize(CONFIG.layers() + 2);
    }
    String said =
        events.recorded().stream()
            .filter(e -> e.kind().equals("learned_rotation"))
            .findFirst()
            .orElseThrow()
            .what();
    double after = Double.parseDouble(said.replaceFirst("held-out loss ([0-9.]+) .*", "$1"));
    double before = Double.parseDouble(said.replaceFirst(".*, ([0-9.]+) at the start", "$1"));
    assertThat(after).isLessThan(before);
  }
}

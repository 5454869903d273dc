package dev.nibble.runtime.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.Session;
import dev.nibble.runtime.TextModel;
import dev.nibble.runtime.measure.Speeds.Samples;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class SpeedMeasurementTest {
  private static final RuntimeOptions ONE = RuntimeOptions.DEFAULT.withThreads(1);

  private static Speeds speeds(String family, SpeedOptions options) {
    return SpeedMeasurement.run(
        FamilyFixtures.of(family).directory(), ONE, options, Progress.SILENT);
  }

  @Test
  void everythingAskedForIsMeasuredOncePerRound() {
    SpeedOptions options = new SpeedOptions(List.of(5, 9), 3, List.of(1, 2, 3), 4);
    Speeds speeds = speeds("llama", options);
    assertThat(speeds.prefills()).extracting(Speeds.Prefill::tokens).containsExactly(5, 9);
    assertThat(speeds.decodes()).extracting(Speeds.Decode::sessions).containsExactly(1, 2, 3);
    assertThat(speeds.prefills()).allMatch(p -> sound(p.rate()));
    for (Speeds.Decode d : speeds.decodes()) {
      assertThat(sound(d.rate())).isTrue();
      assertThat(d.depth()).isEqualTo(5);
      assertThat(d.tokens()).isEqualTo(3);
      assertThat(speeds.weightBytesPerToken(d) * d.sessions())
          .isCloseTo((double) speeds.weightBytes(), Offset.offset(1e-6));
    }
    assertThat(sound(speeds.bandwidth())).isTrue();
    assertThat(speeds.start().prompt()).isEqualTo(5);
    assertThat(speeds.start().loadSeconds()).isPositive();
    assertThat(speeds.start().coldSeconds()).isPositive();
    RuntimeOptions exact = ONE.withContextLength(9);
    try (TextModel model = TextModel.load(FamilyFixtures.of("llama").directory(), exact)) {
      Session session = model.newSession();
      session.prefill(new int[] {1, 2, 3});
      assertThat(speeds.decodes()).allMatch(d -> d.sessionBytes() == session.byteSize());
      assertThat(speeds.weightBytes()).isEqualTo(model.bytesPerToken());
    }
  }

  private static boolean sound(Samples samples) {
    return samples.values().size() == 4 && samples.least() > 0 && samples.most() < 1e15;
  }

  @Test
  void samplesAreSortedAndTheMedianIsTheMiddleOne() {
    Samples samples = Samples.of(new double[] {5, 1, 3});
    assertThat(samples.values()).containsExactly(1.0, 3.0, 5.0);
    assertThat(samples.median()).isEqualTo(3);
    assertThat(Samples.of(new double[] {4, 2}).median()).isEqualTo(4);
  }

  /** How many experts several sessions need depends on their tokens. */
  @Test
  void bytesOfExpertsAreKnownForOneSessionOnly() {
    Speeds speeds = speeds("mixtral", new SpeedOptions(List.of(4), 2, List.of(1, 2), 1));
    assertThat(speeds.bandwidthShare(speeds.decodes().get(0))).isPositive();
    assertThat(speeds.bandwidthShare(speeds.decodes().get(1))).isNaN();
  }

  /** A context that is too short is made longer; learned positions cannot be. */
  @Test
  void promptsFitTheModel() {
    Speeds beyond = speeds("llama", new SpeedOptions(List.of(700), 1, List.of(1), 1));
    assertThat(beyond.prefills().getFirst().tokens()).isEqualTo(700);
    Speeds usual = speeds("gpt2", new SpeedOptions(List.of(), 2, List.of(1), 1));
    assertThat(usual.prefills()).hasSize(1);
    assertThat(usual.prefills().getFirst().tokens() + 2)
        .isLessThanOrEqualTo(usual.config().maxPositions());
    SpeedOptions tooLong = new SpeedOptions(List.of(700), 1, List.of(1), 1);
    assertThatThrownBy(() -> speeds("gpt2", tooLong))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("learned positions");
  }

  @Test
  void impossibleOptionsAreNamed() {
    assertThatThrownBy(() -> new SpeedOptions(List.of(0), 1, List.of(1), 1))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("--prompt");
    assertThatThrownBy(() -> new SpeedOptions(List.of(), 1, List.of(), 1))
        .hasMessageContaining("--sessions");
    assertThatThrownBy(() -> new SpeedOptions(List.of(), 1, List.of(2000), 1))
        .hasMessageContaining("--sessions");
    assertThatThrownBy(() -> new SpeedOptions(List.of(), 0, List.of(1), 1))
        .hasMessageContaining("--tokens");
    assertThatThrownBy(() -> new SpeedOptions(List.of(), 1, List.of(1), 0))
        .hasMessageContaining("--rounds");
  }
}

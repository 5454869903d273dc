package dev.nibble.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.progress.Progress;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ConsoleProgressTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

  private String printed() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void terminalLineFitsAndIsErased() {
    Progress progress = new ConsoleProgress(out, true, 60);
    try (Progress.Task task = progress.start("x".repeat(200), 10, "blocks")) {
      task.advance(3);
    }
    assertThat(printed().split("\r")).allSatisfy(s -> assertThat(s.length()).isLessThan(70));
    assertThat(printed()).endsWith("\r\u001b[K");
  }

  @Test
  void elsewhereOnlyNotesAppearAtOnce() {
    Progress progress = new ConsoleProgress(out, false, 80);
    try (Progress.Task task = progress.start("quantize", 10, "blocks")) {
      task.advance(10);
      progress.note("resumed");
    }
    assertThat(printed().strip()).isEqualTo("resumed");
  }

  @Test
  void etaFollowsTheRecentRateAndAdmitsWarmingUp() {
    Eta eta = new Eta();
    long second = 1_000_000_000L;
    eta.add(0, 0);
    assertThat(eta.secondsLeft(second / 2, 100)).isEqualTo(-1);
    for (int s = 1; s <= 300; s++) {
      eta.add(s * second, s <= 200 ? s : 200 + 10L * (s - 200));
    }
    assertThat(eta.secondsLeft(300 * second, 100)).isCloseTo(10, within(0.5));
  }

  @Test
  void clockCountsHours() {
    assertThat(ConsoleProgress.clock(65)).isEqualTo("1:05");
    assertThat(ConsoleProgress.clock(7384)).isEqualTo("2:03:04");
  }
}

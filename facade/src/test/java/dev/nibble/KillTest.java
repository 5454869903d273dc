package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.testing.Artefacts;
import dev.nibble.testing.ChildRun;
import dev.nibble.testing.TinyLlama;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills a run again and again. {@code -Dnibble.test.kills=20} and {@code -Dnibble.test.seed=N} ask
 * for more of it.
 */
class KillTest {
  @TempDir Path folder;

  @Test
  void aRunThatIsKilledAtAnyMomentEndsWithTheSameBytes() throws Exception {
    int kills = Integer.getInteger("nibble.test.kills", 5);
    long seed = Long.getLong("nibble.test.seed", System.nanoTime());
    SplittableRandom random = new SplittableRandom(seed);
    Path model = new TinyLlama(8, 128, 256, false).write(folder.resolve("model"), 7);
    Path recipe =
        Files.writeString(
            folder.resolve("recipe.yaml"),
            "calibration: { data: \""
                + TinyLlama.text(folder.resolve("text.txt"))
                + "\", samples: 24, length: 64 }\nsteps:\n  - gptq: { spec: \"int4:g32\" }\n");
    Path whole = folder.resolve("whole");
    long start = System.nanoTime();
    ChildRun.run(model, recipe, whole, 2, Map.of());
    long duration = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    Map<String, String> expected = Artefacts.hashes(whole);

    for (int done = 0, round = 0; done < kills; round++) {
      Path output = folder.resolve("out" + round);
      Path log = folder.resolve("child.log");
      Process child;
      boolean killed;
      do {
        child = ChildRun.start(model, recipe, output, 2, Map.of(), log);
        // the first third is start-up; a moment in it now and then is as good as any other
        long moment = random.nextLong(duration / 4, duration);
        killed = done < kills && !child.waitFor(moment, TimeUnit.MILLISECONDS);
        if (killed) {
          child.destroyForcibly();
          done++;
        }
        child.waitFor();
        assertThat(killed || child.exitValue() == 0)
            .as("seed %d: %s", seed, Files.readString(log))
            .isTrue();
      } while (killed);
      assertThat(Artefacts.hashes(output)).as("seed %d", seed).isEqualTo(expected);
      assertThat(folder.resolve("out" + round + ".nibble-work")).doesNotExist();
    }
  }
}

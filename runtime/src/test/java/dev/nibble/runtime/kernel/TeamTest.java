package dev.nibble.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class TeamTest {
  @Test
  void everyChunkRunsOnceInEveryRound() throws InterruptedException {
    try (Team team = new Team(3)) {
      for (int round = 0; round < 3000; round++) {
        int count = 1 + round % 17;
        AtomicIntegerArray hits = new AtomicIntegerArray(count);
        team.run(count, (chunk, worker) -> hits.incrementAndGet(chunk));
        for (int i = 0; i < count; i++) {
          assertThat(hits.get(i)).as("round %d chunk %d", round, i).isEqualTo(1);
        }
        if (round % 1000 == 0) {
          Thread.sleep(5);
        }
      }
    }
  }

  @Test
  void aFailureReachesTheCallerAndTheTeamGoesOn() {
    try (Team team = new Team(2)) {
      assertThatThrownBy(
              () ->
                  team.run(
                      10,
                      (chunk, worker) -> {
                        if (chunk == 7) {
                          throw new IllegalStateException("seven");
                        }
                      }))
          .hasMessage("seven");
      int[] sum = new int[10];
      team.run(10, (chunk, worker) -> sum[chunk] = chunk);
      assertThat(sum).endsWith(8, 9);
    }
  }
}

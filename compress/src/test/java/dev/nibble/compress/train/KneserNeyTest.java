package dev.nibble.compress.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class KneserNeyTest {

  private static List<int[]> documents() {
    SplittableRandom random = new SplittableRandom(1);
    List<int[]> out = new ArrayList<>();
    for (int d = 0; d < 50; d++) {
      int[] tokens = new int[100];
      for (int i = 1; i < tokens.length; i++) {
        tokens[i] = random.nextInt(4) > 0 ? (tokens[i - 1] * 7 + 3) % 20 : random.nextInt(20);
      }
      out.add(tokens);
    }
    return out;
  }

  @Test
  void probabilitiesOfAllTokensSumToOne() {
    KneserNey model = new KneserNey(5, 20, 0, documents());
    for (int[] context :
        new int[][] {{}, {3}, {3, 4, 11}, {19, 19, 19, 19, 19}, documents().get(7)}) {
      assertThat(model.total(context)).isEqualTo(1, within(1e-9));
    }
  }

  @Test
  void longerContextPredictsBetterHereAndNothingIsImpossible() {
    List<int[]> all = documents();
    List<int[]> training = all.subList(0, 40);
    double one = 0;
    double two = 0;
    for (int[] document : all.subList(40, 50)) {
      one += new KneserNey(1, 20, 0, training).nats(document);
      two += new KneserNey(2, 20, 0, training).nats(document);
    }
    assertThat(one / 1000).isEqualTo(Math.log(20), within(0.1));
    assertThat(two).isLessThan(0.7 * one);
    assertThat(new KneserNey(3, 30, 0, training).nats(new int[] {25, 26, 27})).isFinite();
  }
}

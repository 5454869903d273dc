package dev.nibble.eval.tasks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.eval.FakeModel;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class LikelihoodScorerTest {
  private static final int V = CharacterTokenizer.VOCAB;
  private final CharacterTokenizer tokenizer = new CharacterTokenizer();

  private LikelihoodScorer scorer(FakeModel model) {
    return new LikelihoodScorer(model, tokenizer, false);
  }

  private LikelihoodScorer.Encoded encode(int context, String c, String s) {
    return scorer(FakeModel.uniform(V, context)).encode(new Request(c, s));
  }

  @Test
  void continuationTokensAreCutFromTheWholeNotTokenizedAlone() {
    // "xa" + "b": the whole is x, ab, so the border lies inside a token and nothing follows x, a
    assertThat(encode(64, "x", " yes").targets())
        .containsExactly(CharacterTokenizer.SPACE_Y, 'e', 's');
    assertThat(encode(64, "xa", "b").targets()).isEmpty();
    assertThat(encode(64, "xa", "bc").targets()).containsExactly('c');
    assertThat(encode(64, "xa", "bc").input()).containsExactly('x', CharacterTokenizer.AB);
  }

  @Test
  void spacesAtTheEndOfTheContextMoveToTheContinuation() {
    LikelihoodScorer.Encoded moved = encode(64, "q:\n ", "z");
    assertThat(moved.input()).containsExactly('q', ':', '\n', ' ');
    assertThat(moved.targets()).containsExactly('\n', ' ', 'z');
    assertThat(moved.from()).isEqualTo(1);
    assertThat(encode(64, "q ", " z").targets())
        .containsExactly(CharacterTokenizer.TWO_SPACES, 'z');
  }

  @Test
  void emptyContextIsBos() {
    LikelihoodScorer.Encoded encoded = encode(64, "", "hi");
    assertThat(encoded.input()).containsExactly(1, 'h');
    assertThat(encoded.targets()).containsExactly('h', 'i');
    LikelihoodScorer.Encoded bos =
        new LikelihoodScorer(FakeModel.uniform(V, 64), tokenizer, true)
            .encode(new Request("c", "hi"));
    assertThat(bos.input()).containsExactly(1, 'c', 'h');
  }

  @Test
  void longRequestsAreCutFromTheLeft() {
    LikelihoodScorer.Encoded encoded = encode(4, "abcdefgh", "xyz");
    // the last 5 of ab c d e f g h x y z are g h x y z, less the last
    assertThat(encoded.input()).containsExactly('g', 'h', 'x', 'y');
    assertThat(encoded.targets()).containsExactly('x', 'y', 'z');
    assertThat(encode(2, "c", "xyz").targets()).containsExactly('y', 'z');
  }

  @Test
  void sumsAndGreedinessByHand() {
    float ln3 = (float) Math.log(3);
    FakeModel model =
        new FakeModel(
            V,
            64,
            (tokens, position, row) -> {
              Arrays.fill(row, Float.NEGATIVE_INFINITY);
              row['p'] = ln3;
              row['q'] = 0;
            });
    List<Likelihood> scored =
        scorer(model)
            .score(List.of(new Request("c", "pp"), new Request("c", "pq"), new Request("c", "q")));
    assertThat(scored.get(0).logProb()).isCloseTo(2 * Math.log(0.75), within(1e-6));
    assertThat(scored.get(0).greedy()).isTrue();
    assertThat(scored.get(1).logProb()).isCloseTo(Math.log(0.75 * 0.25), within(1e-6));
    assertThat(scored.get(1).greedy()).isFalse();
    assertThat(scored.get(2).logProb()).isCloseTo(Math.log(0.25), within(1e-6));
  }

  @Test
  void equalInputsShareAForwardPassWithoutChangingTheResult() {
    FakeModel model = FakeModel.random(V, 64, 1, 0, 0);
    List<Request> choices =
        List.of(
            new Request("which?", " A"),
            new Request("which?", " B"),
            new Request("which? ", "A"),
            new Request("which?", " yes"));
    List<Likelihood> together = scorer(model).score(choices);
    assertThat(model.calls).isEqualTo(2);
    for (int i = 0; i < choices.size(); i++) {
      assertThat(scorer(model).score(List.of(choices.get(i)))).containsExactly(together.get(i));
    }
  }

  @Test
  void whatCannotBeScoredIsAnError() {
    FakeModel broken = new FakeModel(V, 64, (t, p, row) -> Arrays.fill(row, Float.NaN));
    assertThat(scorer(broken).score(List.of(new Request("a", "b"))).getFirst().failed()).isTrue();
    FakeModel fine = FakeModel.uniform(V, 64);
    assertThat(scorer(fine).score(List.of(new Request("xa", "b"))).getFirst().failed()).isTrue();
  }
}

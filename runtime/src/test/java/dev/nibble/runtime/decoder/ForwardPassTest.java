package dev.nibble.runtime.decoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.RandomModel;
import dev.nibble.runtime.kernel.KernelSet;
import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;
import java.util.Random;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ForwardPassTest {
  private static final int LAYERS = 4;
  private static final int VOCAB = 61;

  private final ModelConfig config = RandomModel.llama(LAYERS, 4, 2, 8, 70, VOCAB);
  private final Team team = new Team(2);
  private final ForwardPass pass = pass();

  private ForwardPass pass() {
    Network net = NetworkLoader.load(new RandomModel(config, 1), KernelSet.standard());
    return new ForwardPass(net, new Products(team, net.widest()));
  }

  @AfterEach
  void end() {
    team.close();
  }

  private static int[] tokens(int n) {
    return new Random(n).ints(n, 0, VOCAB).toArray();
  }

  private void add(Sequence sequence, int count, BooleanSupplier cancelled, Rows rows) {
    rows.add(sequence, tokens(count), 0, count, count, true, cancelled);
  }

  private Sequence sequence() {
    return pass.newSequence(KvKinds.of(KvKind.FP32), 64);
  }

  private static boolean never() {
    return false;
  }

  /** Says yes when asked the n-th time: before block n. */
  private static BooleanSupplier beforeBlock(int n) {
    int[] asked = {0};
    return () -> asked[0]++ == n;
  }

  /** Whichever runs drop out, and wherever: the rest gets the bits it gets without them. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void runsDropOutBetweenBlocks(int block) {
    float[] expected = new float[2 * VOCAB];
    Rows rows = pass.begin();
    add(sequence(), 5, ForwardPassTest::never, rows);
    add(sequence(), 3, ForwardPassTest::never, rows);
    pass.run();
    pass.heads(expected);

    Sequence[] sequences = {sequence(), sequence(), sequence(), sequence(), sequence()};
    rows = pass.begin();
    add(sequences[0], 7, beforeBlock(block), rows);
    add(sequences[1], 5, ForwardPassTest::never, rows);
    add(sequences[2], 2, beforeBlock(block), rows);
    add(sequences[3], 3, ForwardPassTest::never, rows);
    add(sequences[4], 4, beforeBlock(LAYERS - 1), rows);
    pass.run();
    float[] actual = new float[2 * VOCAB];
    pass.heads(actual);

    assertThat(actual).containsExactly(expected);
    assertThat(rows.runs()).isEqualTo(5);
    assertThat(rows.count()).isEqualTo(8);
    int[] lengths = {0, 5, 0, 3, 0};
    for (int i = 0; i < 5; i++) {
      assertThat(rows.dropped(i)).isEqualTo(lengths[i] == 0);
      assertThat(sequences[i].position()).isEqualTo(lengths[i]);
    }
  }

  @Test
  void allMayDropOut() {
    Sequence sequence = sequence();
    Rows rows = pass.begin();
    add(sequence, 6, beforeBlock(2), rows);
    pass.run();
    float[] untouched = {1};
    pass.heads(untouched);
    assertThat(rows.dropped(0)).isTrue();
    assertThat(sequence.position()).isZero();
    assertThat(untouched).containsExactly(1);
  }

  @Test
  void aRunThatCannotBeAppendedIsNotAdded() {
    Rows rows = pass.begin();
    Sequence sequence = sequence();
    assertThatThrownBy(() -> add(sequence(), 65, ForwardPassTest::never, rows))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("context is full");
    assertThatThrownBy(
            () -> rows.add(sequence, new int[] {3, VOCAB}, 0, 2, 2, true, ForwardPassTest::never))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("token 61");
    assertThat(rows.runs()).isZero();
    assertThat(rows.count()).isZero();
    add(sequence, 2, ForwardPassTest::never, rows);
    assertThatThrownBy(() -> add(sequence, 2, ForwardPassTest::never, rows))
        .isInstanceOf(IllegalArgumentException.class);
    pass.run();
    assertThat(sequence.position()).isEqualTo(2);
  }
}

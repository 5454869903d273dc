package dev.nibble.compress.tune;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.BlockRun;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AffineQuantTest extends TunerContract {
  private static final Pattern MARGINS = Pattern.compile("at the end: ([^;]*);");

  @Override
  protected String step() {
    return "affinequant";
  }

  @Override
  protected List<String> rates() {
    return List.of("lwc_lr", "let_lr");
  }

  @Override
  protected ObjectNode options() {
    return JsonNodeFactory.instance.objectNode().put("use_ln_matrix", true);
  }

  private static ObjectNode epochs(int epochs) {
    return JsonNodeFactory.instance.objectNode().put("epochs", epochs);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void marginsOfTheDiagonalAreLoggedByEpochAndStayPositive(int epochs) {
    BlockRun run = run(create("int2:g16", epochs(epochs)), 2, block -> {});
    assertThat(run.events().of("affinequant.fallback")).isEmpty();
    // two norms and the values, of two blocks
    assertThat(run.events().of("affinequant.dominance"))
        .hasSize(6)
        .allSatisfy(
            event -> {
              Matcher m = MARGINS.matcher(event.what());
              assertThat(m.find()).isTrue();
              String[] margins = m.group(1).split(" ");
              assertThat(margins).hasSize(epochs);
              for (String margin : margins) {
                assertThat(Double.parseDouble(margin)).isPositive();
              }
            });
  }

  @Test
  void inexactTransformsAreDetectedAndToldWhenAskedFor() {
    BlockRun run = run(create("int3:g16", epochs(2).put("qkt_mode", "as-paper")), 2, block -> {});
    assertThat(run.events().of("affinequant.inexact")).hasSize(2);
    assertThat(
            run(create("int3:g16", epochs(2)), 2, block -> {}).events().of("affinequant.inexact"))
        .isEmpty();
  }
}

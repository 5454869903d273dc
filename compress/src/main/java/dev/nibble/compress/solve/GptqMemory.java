package dev.nibble.compress.solve;

import dev.nibble.compress.Step.BlockShape;
import dev.nibble.models.Stage;
import java.util.List;

/** Working memory of {@link GptqStep}, in bytes. */
final class GptqMemory {
  private GptqMemory() {}

  /** Most that is held at once on these stages; side by side ones are always held together. */
  static long bytes(List<Stage> stages, BlockShape shape, boolean oneStageAtATime) {
    long together = 0;
    long most = 0;
    long all = 0;
    long solving = 0;
    String last = null;
    for (Stage stage : stages) {
      long n = stage.sites().getFirst().inputs();
      together = stage.name().equals(last) ? together + n * n : n * n;
      most = Math.max(most, together);
      all += n * n;
      last = stage.name();
      solving = Math.max(solving, solving(stage, n, shape.threads()));
    }
    long held = oneStageAtATime ? most : all;
    long sums = 8 * held;
    long products = 4 * held * shape.threads();
    return sums + Math.max(products + activations(shape), solving);
  }

  /**
   * Beside the sum, measured: H, its ordered and damped copies, L and U with LAPACK's own copies,
   * and a part of L for each thread that inverts it; after that one site's codes and values.
   */
  private static long solving(Stage stage, long n, int threads) {
    long largest =
        stage.sites().stream().mapToLong(s -> (long) s.outputs() * s.inputs()).max().orElse(0);
    return 8 * n * n * (7 + threads) + 18 * largest;
  }

  /** Outputs of all sites and the residual stream, for the forward passes that run at once. */
  private static long activations(BlockShape shape) {
    long width =
        shape.stages().stream()
            .flatMap(stage -> stage.sites().stream())
            .mapToLong(site -> site.outputs())
            .sum();
    return 4L * width * shape.batchTokens() * shape.threads();
  }
}

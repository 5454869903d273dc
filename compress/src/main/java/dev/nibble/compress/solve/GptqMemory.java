package dev.nibble.compress.solve;

import dev.nibble.compress.Step.BlockShape;
import dev.nibble.models.Stage;
import java.util.List;

/** Working memory of {@link GptqStep}, in bytes. */
final class GptqMemory {
  private GptqMemory() {}

  /** Most that is held at once on these stages. */
  static long bytes(List<Stage> stages, BlockShape shape, boolean oneStageAtATime) {
    long largestSum = 0;
    long allSums = 0;
    long largestProduct = 0;
    long allProducts = 0;
    long solving = 0;
    for (Stage stage : stages) {
      long n = stage.sites().getFirst().inputs();
      largestSum = Math.max(largestSum, 8 * n * n);
      allSums += 8 * n * n;
      largestProduct = Math.max(largestProduct, 4 * n * n);
      allProducts += 4 * n * n;
      solving = Math.max(solving, solving(stage, n, shape.threads()));
    }
    long sums = oneStageAtATime ? largestSum : allSums;
    long products = (oneStageAtATime ? largestProduct : allProducts) * shape.threads();
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

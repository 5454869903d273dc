package dev.nibble.compress.solve;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.allocate.NetworkPass;
import dev.nibble.compress.block.Batches;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Torch;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * The Hessian of the head's inputs in the original network. Where the head is the embedding, the
 * matrix is stored once, before any block has run; what its rounding costs is decided at the other
 * end of the network.
 */
final class HeadInputs {
  /** Tokens that are enough for a Hessian as wide as models are. */
  private static final int TOKENS = 16384;

  private HeadInputs() {}

  /** Ends the head's forward pass before the vocabulary is multiplied out. */
  private static final class Enough extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Enough() {
      super(null, null, false, false);
    }
  }

  /** Runs the first calibration sequences through the network; the caller closes the result. */
  static Hessian collect(ModelTask model, int width, Workers workers) {
    Batches all = model.tokens();
    Batches some = NetworkPass.first(all, Math.max(1, TOKENS / Math.max(1, all.length())));
    List<BlockHandle> blocks = model.model().blocks();
    int last = blocks.size() - 2;
    Tensor[] products = new Tensor[some.count()];
    Hessian out = new Hessian(width);
    try (Block head = blocks.getLast().load()) {
      NetworkPass.run(
          model.model(),
          some,
          workers,
          model.progress(),
          "head inputs",
          (block, batch, input, output) -> {
            if (block == last) {
              products[batch] = product(head, output);
            }
          });
      for (int batch = 0; batch < products.length; batch++) {
        out.add(products[batch], some.size(batch), (long) some.size(batch) * some.length());
      }
      return out;
    } catch (RuntimeException | Error e) {
      out.close();
      throw e;
    } finally {
      for (Tensor product : products) {
        if (product != null) {
          product.close();
        }
      }
    }
  }

  private static Tensor product(Block head, Tensor stream) {
    Tensor[] seen = new Tensor[1];
    BlockContext context =
        new BlockContext(
            (site, input) -> {
              if (site.equals(TensorNames.HEAD)) {
                seen[0] = Torch.keep(Hessian.product(input));
                throw new Enough();
              }
            });
    try {
      head.forward(stream, context).close();
    } catch (Enough e) {
      return seen[0];
    }
    throw new IllegalStateException("the head never ran " + TensorNames.HEAD);
  }
}

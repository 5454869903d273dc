package dev.nibble.eval.divergence;

import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.scoring.RowPass;
import dev.nibble.eval.scoring.Window;
import java.util.List;

/** The original model run beside the quantized one; its logits are kept for one window. */
final class LiveBaseline implements Baseline {
  private final int vocab;
  private final List<Window> windows;
  private final RowPass pass;
  private final RowStore store;
  private Window loaded;

  LiveBaseline(LanguageModel model, List<Window> windows, Workers workers) {
    this.vocab = model.vocabSize();
    this.windows = List.copyOf(windows);
    this.pass = new RowPass(model, workers);
    this.store =
        new RowStore(windows.stream().mapToInt(w -> w.targets().length).max().orElse(1), vocab);
  }

  @Override
  public int vocabSize() {
    return vocab;
  }

  @Override
  public List<Window> windows() {
    return windows;
  }

  @Override
  public void load(int index) {
    loaded = windows.get(index);
    pass.run(loaded, store::write);
  }

  @Override
  public void read(int target, Row into) {
    store.read(target, into.logits);
    into.describe(loaded.targets()[target]);
  }

  @Override
  public void close() {
    store.close();
  }
}

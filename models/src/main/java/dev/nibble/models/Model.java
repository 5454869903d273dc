package dev.nibble.models;

import dev.nibble.core.model.ModelConfig;
import java.util.List;

/** A network that a recipe can be applied to, read block by block. */
public interface Model extends AutoCloseable {

  /** Architecture after the rewrites installed so far (an untied head, a replaced norm). */
  ModelConfig config();

  /** All blocks in execution order: embedding, decoder blocks, head. */
  List<BlockHandle> blocks();

  /**
   * Installs a rewrite that applies to every block loaded from now on.
   *
   * @param config the architecture after the rewrite
   */
  void install(Rewrite rewrite, ModelConfig config);

  /** Online transforms to be put on a site whenever its block is loaded (part of a rotation). */
  void installTransform(String site, dev.nibble.core.op.OnlineTransform transform);

  @Override
  void close();
}

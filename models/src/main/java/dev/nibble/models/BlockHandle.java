package dev.nibble.models;

import java.util.List;
import java.util.Map;

/** A block of a component that has not been read yet: what the pipeline walks over. */
public interface BlockHandle {

  /** Kinds of block. */
  enum Kind {
    /** Token ids {@code int64 [batch, seq]} → hidden {@code [batch, seq, hidden]}. */
    EMBEDDING,
    /** Hidden → hidden. */
    DECODER,
    /**
     * Hidden → logits {@code [batch, seq, vocab]}; final norm included. Of an encoder what its head
     * gives: logits so, {@code [batch, 1, labels]}, or the hidden vectors themselves.
     */
    HEAD
  }

  /** Canonical name: {@code model.layers.3}, {@code embedding}, {@code head}. */
  String name();

  /** Kind. */
  Kind kind();

  /** Shapes of its parameters by canonical tensor name; a tied head lists its weight, too. */
  Map<String, long[]> shapes();

  /** Quantizable places, in execution order; what {@link Block#sites} of the loaded block says. */
  List<Site> sites();

  /** Linear sites by shared input; what {@link Block#stages} of the loaded block says. */
  List<Stage> stages();

  /** Bytes of its parameters in fp32, the memory {@link #load} takes. */
  long residentBytes();

  /**
   * Reads the weights as fp32 with the model's pending rewrites applied. The caller closes the
   * block.
   */
  Block load();
}

package dev.nibble.models;

/** A block of a component that has not been read yet: what the pipeline walks over. */
public interface BlockHandle {

  /** Kinds of block. */
  enum Kind {
    /** Token ids {@code int64 [batch, seq]} → hidden {@code [batch, seq, hidden]}. */
    EMBEDDING,
    /** Hidden → hidden. */
    DECODER,
    /** Hidden → logits {@code [batch, seq, vocab]}; final norm included. */
    HEAD
  }

  /** Canonical name: {@code model.layers.3}, {@code embedding}, {@code head}. */
  String name();

  /** Kind. */
  Kind kind();

  /** Bytes of its parameters in fp32, the memory {@link #load} takes. */
  long residentBytes();

  /**
   * Reads the weights as fp32 with the model's pending rewrites applied. The caller closes the
   * block.
   */
  Block load();
}

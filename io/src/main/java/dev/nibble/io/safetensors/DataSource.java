package dev.nibble.io.safetensors;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Supplier of a tensor's bytes, asked once, when the writer has come to it. */
@FunctionalInterface
public interface DataSource {

  /** Hands all bytes to {@code sink} in order, in chunks of a size that memory can bear. */
  void writeTo(Sink sink) throws IOException;

  /** Bytes that are at hand or mapped. */
  static DataSource of(MemorySegment bytes) {
    return sink -> sink.write(bytes);
  }

  /** Receiver of chunks. */
  @FunctionalInterface
  interface Sink {
    /** Takes the whole chunk; it may be reused afterwards. */
    void write(MemorySegment chunk) throws IOException;
  }
}

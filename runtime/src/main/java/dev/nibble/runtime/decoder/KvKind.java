package dev.nibble.runtime.decoder;

import java.util.Locale;

/** Element type of the keys or of the values in the cache. */
public enum KvKind {
  /** Single precision. */
  FP32,

  /** Half precision. */
  FP16,

  /** Bytes with a scale for 32 numbers. */
  Q8,

  /** Four bits with a scale and a minimum for 32 numbers. */
  Q4;

  KeyStore keys(KvShape shape) {
    return switch (this) {
      case FP32 -> new FloatStore.Keys(shape);
      case FP16 -> new HalfStore.Keys(shape);
      case Q8 -> new ByteStore.Keys(shape);
      case Q4 -> new NibbleStore.Keys(shape);
    };
  }

  ValueStore values(KvShape shape) {
    return switch (this) {
      case FP32 -> new FloatStore.Values(shape);
      case FP16 -> new HalfStore.Values(shape);
      case Q8 -> new ByteStore.Values(shape);
      case Q4 -> new NibbleStore.Values(shape);
    };
  }

  /** Name on the command line. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

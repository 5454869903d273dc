package dev.nibble.io.gguf;

/** Types of metadata values with their numbers in the file and their sizes. */
public enum GgufValueType {
  U8(0, 1),
  I8(1, 1),
  U16(2, 2),
  I16(3, 2),
  U32(4, 4),
  I32(5, 4),
  F32(6, 4),
  BOOL(7, 1),
  STRING(8, 0),
  ARRAY(9, 0),
  U64(10, 8),
  I64(11, 8),
  F64(12, 8);

  private static final GgufValueType[] BY_ID = values();

  private final int id;
  private final int bytes;

  GgufValueType(int id, int bytes) {
    this.id = id;
    this.bytes = bytes;
  }

  /** Number in the file. */
  public int id() {
    return id;
  }

  /** Bytes of one value, 0 for strings and arrays. */
  public int bytes() {
    return bytes;
  }

  /** The type of that number, or null. */
  static GgufValueType ofId(int id) {
    return id >= 0 && id < BY_ID.length ? BY_ID[id] : null;
  }
}

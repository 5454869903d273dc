package dev.nibble.io.gguf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.AbstractList;
import java.util.RandomAccess;

/** A fixed-size array of the file kept as its bytes; elements are boxed when they are asked for. */
final class NumberList extends AbstractList<Object> implements RandomAccess {
  private final GgufValueType type;
  private final ByteBuffer bytes;
  private final int size;

  NumberList(GgufValueType type, byte[] littleEndian) {
    this.type = type;
    this.bytes = ByteBuffer.wrap(littleEndian).order(ByteOrder.LITTLE_ENDIAN);
    this.size = littleEndian.length / type.bytes();
  }

  @Override
  public Object get(int index) {
    int at = Math.multiplyExact(index, type.bytes());
    return switch (type) {
      case U8 -> bytes.get(at) & 0xff;
      case I8 -> (int) bytes.get(at);
      case BOOL -> bytes.get(at) != 0;
      case U16 -> bytes.getShort(at) & 0xffff;
      case I16 -> (int) bytes.getShort(at);
      case U32 -> bytes.getInt(at) & 0xffff_ffffL;
      case I32 -> bytes.getInt(at);
      case F32 -> bytes.getFloat(at);
      case U64, I64 -> bytes.getLong(at);
      case F64 -> bytes.getDouble(at);
      case STRING, ARRAY -> throw new IllegalStateException(type + " is not a number");
    };
  }

  @Override
  public int size() {
    return size;
  }
}

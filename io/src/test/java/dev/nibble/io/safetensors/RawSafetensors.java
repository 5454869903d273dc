package dev.nibble.io.safetensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Safetensors bytes made by hand, right or wrong. */
final class RawSafetensors {
  private RawSafetensors() {}

  /** A file with this header text, without padding, and {@code dataBytes} zero bytes of data. */
  static Path write(Path file, String header, int dataBytes) throws IOException {
    return write(file, header.getBytes(StandardCharsets.UTF_8), dataBytes);
  }

  static Path write(Path file, byte[] header, int dataBytes) throws IOException {
    return write(file, header.length, header, dataBytes);
  }

  /** A file that claims a header of {@code length} bytes. */
  static Path write(Path file, long length, byte[] header, int dataBytes) throws IOException {
    ByteBuffer out = ByteBuffer.allocate(8 + header.length + dataBytes);
    out.order(ByteOrder.LITTLE_ENDIAN).putLong(length).put(header);
    return Files.write(file, out.array());
  }
}

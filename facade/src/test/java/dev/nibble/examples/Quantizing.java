package dev.nibble.examples;

import dev.nibble.Nibble;
import dev.nibble.QuantizationResult;
import java.nio.file.Path;

/** Makes a smaller model. */
final class Quantizing {
  private Quantizing() {}

  static QuantizationResult quantize(Path model, Path output) {
    // README: quantize
    QuantizationResult result = Nibble.quantize(model).recipe("rtn-w4-g32").to(output);
    System.out.println(result.provenance().bitsPerWeight() + " bits per weight");
    // README: end
    return result;
  }
}

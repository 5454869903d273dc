/** Original and quantized model run side by side in the pure-Java runtime and compared. */
package dev.nibble.pipeline.evaluate;

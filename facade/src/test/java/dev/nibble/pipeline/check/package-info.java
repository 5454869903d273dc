/** Tests of checks before work. */
package dev.nibble.pipeline.check;

/** Whether a recipe fits a model and an output, answered before any work, with reasons. */
package dev.nibble.pipeline.check;

/** Sweeps: several recipes on several models, resumable cell by cell, drawn as one frontier. */
package dev.nibble.pipeline.compare;

/**
 * What a run has finished so far, on disk. Every unit of work is committed by an atomic rename with
 * the hash of its content, so that a run can be killed anywhere and continued; the run's identity
 * (recipe, source, calibration tokens, processor) decides whether it is still the same run.
 */
package dev.nibble.pipeline.journal;

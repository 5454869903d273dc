/**
 * Zero- and few-shot tasks scored like EleutherAI's lm-evaluation-harness, so that scores compare
 * with published ones. A task is a short versioned definition over a data file; the version rises
 * whenever a change could move a score.
 */
package dev.nibble.eval.tasks;

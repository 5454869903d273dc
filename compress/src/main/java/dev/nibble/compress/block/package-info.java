/**
 * A recipe at work on one block at a time: calibration activations in scratch files, the tasks that
 * steps see, and the sealing of a block into the tensors that are stored, checked against the
 * values that the simulation ran with. What happens to sealed blocks is the pipeline's business.
 */
package dev.nibble.compress.block;

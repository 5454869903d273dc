/**
 * The run itself: blocks stream through memory one at a time, each is loaded, handed to the
 * recipe's steps, stored and committed, while the calibration activations wait in scratch files for
 * the next one. Nothing here knows what a step does.
 */
package dev.nibble.pipeline.run;

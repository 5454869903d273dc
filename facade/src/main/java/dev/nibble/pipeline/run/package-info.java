/**
 * The run itself: blocks stream through memory one at a time, each is taken through the recipe's
 * steps, stored and committed; at the end the pieces become an artefact that appears in one move.
 * Nothing here knows what a step does.
 */
package dev.nibble.pipeline.run;

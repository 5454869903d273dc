/**
 * What a run will store, need and take, worked out before it starts: exact sizes from the recipe's
 * steps, peak memory from the largest block, minutes from a short probe on this machine.
 */
package dev.nibble.pipeline.plan;

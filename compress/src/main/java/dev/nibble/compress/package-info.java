/**
 * Recipes and their steps: what the pipeline runs, and the contracts a step keeps. One package per
 * room of the taxonomy.
 */
package dev.nibble.compress;

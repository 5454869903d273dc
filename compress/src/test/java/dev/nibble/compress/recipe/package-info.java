/** Recipes: good, bad and hostile. */
package dev.nibble.compress.recipe;

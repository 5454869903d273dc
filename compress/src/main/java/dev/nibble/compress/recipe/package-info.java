/** Recipes as written by users: parsing, validation, presets. */
package dev.nibble.compress.recipe;

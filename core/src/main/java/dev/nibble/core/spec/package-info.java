/**
 * What a recipe asks for: number format, granularity and scale storage, with one short text form.
 */
package dev.nibble.core.spec;

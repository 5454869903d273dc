/**
 * A decoder described as data, the canonical names of its tensors, and the small interfaces through
 * which the wings see each other's models.
 */
package dev.nibble.core.model;

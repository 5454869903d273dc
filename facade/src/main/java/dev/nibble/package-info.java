/**
 * Nibble as a library: {@link dev.nibble.Nibble} quantizes, plans, explains and compares models.
 * Everything else below this package is how that is done.
 */
package dev.nibble;

/**
 * What {@code nibble bench} reports: how fast a model reads and writes on this machine, alone and
 * for several sessions at once, and what share of the memory's bandwidth that is.
 */
package dev.nibble.runtime.measure;

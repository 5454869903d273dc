/**
 * Who gets how many bits: assignments of stored forms to sites, made before or while blocks are
 * solved, and kept by every solver that follows.
 */
package dev.nibble.compress.allocate;

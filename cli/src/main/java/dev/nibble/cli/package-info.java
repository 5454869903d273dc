/**
 * The {@code nibble} command: argument parsing, progress on a terminal, tables. One class per verb;
 * what a verb does lives below in the façade.
 */
package dev.nibble.cli;

/** The command as users call it. */
package dev.nibble.cli;

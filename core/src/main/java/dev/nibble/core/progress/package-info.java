/** How long work tells the user where it is, independent of any terminal. */
package dev.nibble.core.progress;

/** The two engines against each other: what was simulated must be what runs. */
package dev.nibble.parity;

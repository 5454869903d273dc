/** Tests of the decoder families, and the suites that other modules' tests inherit. */
package dev.nibble.models;

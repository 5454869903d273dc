/** Regular expressions that come from files, kept from running without end. */
package dev.nibble.io.regex;

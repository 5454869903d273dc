/**
 * Number formats: finite sets of representable values before any scale, with the code of each
 * value. What a scale is shared by, and how it is stored, is the business of {@code core.spec}.
 */
package dev.nibble.core.format;

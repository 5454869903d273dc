/** Tests of transforms. */
package dev.nibble.compress.transform;

/** JSON from strangers: strict parsing with bounds, and typed access that names the field. */
package dev.nibble.io.json;

/** What a model file holds: tensors, stored types, bytes, and the distribution of the values. */
package dev.nibble.pipeline.inspect;

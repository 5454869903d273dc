/**
 * Arrays as they are stored, each class stating its byte layout and knowing how to turn itself back
 * into floats. The scalar code here is the reference that kernels are tested against.
 */
package dev.nibble.core.tensor;

/** Tests of studies. */
package dev.nibble.pipeline.study;

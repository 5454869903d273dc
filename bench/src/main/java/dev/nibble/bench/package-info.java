/** Speed: kernels by JMH, and whole models beside llama.cpp. Run by hand, never by the tests. */
package dev.nibble.bench;

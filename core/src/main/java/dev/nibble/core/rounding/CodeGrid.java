package dev.nibble.core.rounding;

/** The values that the weights of a group can have, by code. */
public interface CodeGrid {

  /** Code of the value that stands for {@code w}. */
  int code(float w);

  /** Value of a code, exactly as the stored tensor yields it. */
  float value(int code);
}

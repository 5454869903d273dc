package dev.nibble.core.format;

/** Given levels: learned, measured, or read from a file. Cannot be parsed from its name alone. */
public final class Table extends NumberFormat {

  /**
   * @param name short lower-case name for reports, as {@code learned4}
   * @param levels a power of two of finite values, 2 to 256, in code order (copied)
   */
  public Table(String name, float[] levels) {
    super(name, 31 - Integer.numberOfLeadingZeros(Math.max(1, levels.length)), levels.clone());
    for (float level : levels) {
      if (!Float.isFinite(level)) {
        throw new IllegalArgumentException("table " + name + " has the level " + level);
      }
    }
  }
}

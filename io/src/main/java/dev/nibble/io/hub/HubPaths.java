package dev.nibble.io.hub;

/** Which names of the hub may become paths on disk. */
final class HubPaths {
  private static final int MAX_LENGTH = 1000;
  private static final int MAX_SEGMENT = 250;

  /** Separators, drives and wildcards of some system. */
  private static final String FORBIDDEN = "\\:*?\"<>|";

  private HubPaths() {}

  /**
   * True for a path that no honest repository holds: absolute, or with an empty, {@code .} or
   * {@code ..} segment.
   */
  static boolean isHostile(String path) {
    for (String segment : path.split("/", -1)) {
      if (segment.isEmpty() || segment.equals(".") || segment.equals("..")) {
        return true;
      }
    }
    return false;
  }

  /**
   * True for a relative path with forward slashes that stays below its root on every system: not
   * {@linkplain #isHostile hostile}, without drive, backslash, wildcard or control characters, and
   * of a length that file systems take.
   */
  static boolean isSafe(String path) {
    if (path.length() > MAX_LENGTH || isHostile(path)) {
      return false;
    }
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      if (Character.isISOControl(c) || FORBIDDEN.indexOf(c) >= 0) {
        return false;
      }
    }
    for (String segment : path.split("/", -1)) {
      if (segment.length() > MAX_SEGMENT) {
        return false;
      }
    }
    return true;
  }
}

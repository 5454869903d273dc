package dev.nibble.cli;

import picocli.CommandLine.IVersionProvider;

/** Version as the build wrote it into the jar. */
final class Version implements IVersionProvider {

  /** {@code 0.1.0}, or {@code development} when run from class files. */
  static String number() {
    String written = Version.class.getPackage().getImplementationVersion();
    return written == null ? "development" : written;
  }

  @Override
  public String[] getVersion() {
    return new String[] {"nibble " + number() + " (Java " + Runtime.version() + ")"};
  }
}

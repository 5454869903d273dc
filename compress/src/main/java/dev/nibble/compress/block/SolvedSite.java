package dev.nibble.compress.block;

/**
 * How well a site was solved.
 *
 * @param site canonical site name
 * @param spec what it is stored as
 * @param relativeError {@code ‖(W−Ŵ)X‖² / ‖WX‖²} on the calibration inputs, or of the weights alone
 *     when no data was needed
 * @param rtnRelativeError the same for round-to-nearest at the same spec
 */
public record SolvedSite(String site, String spec, double relativeError, double rtnRelativeError)
    implements Comparable<SolvedSite> {

  /** Relative error in decibels: lower is better, −20 dB is one percent of the signal's energy. */
  public double decibels() {
    return 10 * Math.log10(relativeError);
  }

  /** {@link #decibels} of round-to-nearest. */
  public double rtnDecibels() {
    return 10 * Math.log10(rtnRelativeError);
  }

  @Override
  public int compareTo(SolvedSite other) {
    return site.compareTo(other.site);
  }
}

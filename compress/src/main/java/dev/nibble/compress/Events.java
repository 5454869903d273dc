package dev.nibble.compress;

/** Notable things that go into the journal and the report. Thread-safe. */
public interface Events {

  /**
   * Records that {@code what} happened at {@code site}, as {@code ("gptq.damping", site, "raised to
   * 0.1")}.
   */
  void record(String kind, String site, String what);

  /**
   * Records a solved site.
   *
   * @param site canonical site name
   * @param spec text form of what it is stored as
   * @param relativeError {@code ‖(W−Ŵ)X‖² / ‖WX‖²} on the calibration inputs (or of the weights
   *     alone when no data was needed)
   * @param rtnRelativeError the same for round-to-nearest at the same spec
   */
  void solved(String site, String spec, double relativeError, double rtnRelativeError);
}

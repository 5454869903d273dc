package dev.nibble.pipeline.plan;

/**
 * What a run is expected to take, without evaluation.
 *
 * @param memoryBytes peak of anonymous resident memory of the process
 * @param seconds wall-clock time, from a probe; 0 before one
 * @param scratchBytes peak of disk space beside the output while it runs
 * @param threads tasks that run at once within the memory budget
 */
public record Forecast(long memoryBytes, double seconds, long scratchBytes, int threads) {

  /** The same with a time. */
  public Forecast withSeconds(double probed) {
    return new Forecast(memoryBytes, probed, scratchBytes, threads);
  }
}

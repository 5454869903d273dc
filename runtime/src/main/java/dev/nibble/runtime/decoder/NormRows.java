package dev.nibble.runtime.decoder;

import dev.nibble.runtime.kernel.Team;

/** A norm of several rows, shared among the team. */
final class NormRows implements Team.Task {
  private final Team team;
  private Norm norm;
  private float[] x;
  private int at;
  private float[] out;
  private int outAt;
  private int width;

  NormRows(Team team) {
    this.team = team;
  }

  /** {@code count} rows of {@code x} from {@code at}; {@code out} may be {@code x}. */
  void apply(Norm norm, float[] x, int at, float[] out, int outAt, int count, int width) {
    this.norm = norm;
    this.x = x;
    this.at = at;
    this.out = out;
    this.outAt = outAt;
    this.width = width;
    team.run(count, this);
  }

  @Override
  public void run(int row, int worker) {
    norm.apply(x, at + row * width, out, outAt + row * width, width);
  }
}

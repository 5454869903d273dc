package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.PANEL;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import jdk.incubator.vector.FloatVector;

/**
 * The float tile: {@code y[t][r] (+)= Σ_k x[t][k] · panel[k][r]} for the {@link Lanes#PANEL} rows
 * of a panel. A lane is a row and the activation is broadcast, so there is no horizontal sum. A sum
 * runs over k in order, whatever the tile, so results do not depend on how tokens are grouped.
 */
public final class Tile {
  /** Tokens of the large tile: with two panel vectors each, 12 accumulators. */
  public static final int TOKENS = 6;

  private Tile() {}

  /**
   * Multiplies {@code tokens} rows of x with one panel.
   *
   * @param panel {@code [k, PANEL]} from {@code p}
   * @param k length of the sums
   * @param x inputs; token t's start at {@code xs[t]} plus {@code xShift}
   * @param y outputs, {@code PANEL} for token t from {@code ys[t] + yShift}
   * @param tokens number of tokens, at least 1
   * @param add adds to y instead of replacing it
   */
  public static void multiply(
      float[] panel,
      int p,
      int k,
      float[] x,
      int[] xs,
      int xShift,
      float[] y,
      int[] ys,
      int yShift,
      int tokens,
      boolean add) {
    int t = 0;
    int last = tokens - 1;
    for (; tokens - t > 3; t += TOKENS) {
      // surplus slots repeat the last token: same value, same place
      int b = Math.min(t + 1, last);
      int c = Math.min(t + 2, last);
      int d = Math.min(t + 3, last);
      int e = Math.min(t + 4, last);
      int f = Math.min(t + 5, last);
      six(
          panel,
          p,
          k,
          x,
          xs[t] + xShift,
          xs[b] + xShift,
          xs[c] + xShift,
          xs[d] + xShift,
          xs[e] + xShift,
          xs[f] + xShift,
          y,
          ys[t] + yShift,
          ys[b] + yShift,
          ys[c] + yShift,
          ys[d] + yShift,
          ys[e] + yShift,
          ys[f] + yShift,
          add);
    }
    if (tokens - t > 1) {
      int b = Math.min(t + 1, last);
      int c = Math.min(t + 2, last);
      three(
          panel,
          p,
          k,
          x,
          xs[t] + xShift,
          xs[b] + xShift,
          xs[c] + xShift,
          y,
          ys[t] + yShift,
          ys[b] + yShift,
          ys[c] + yShift,
          add);
    } else if (tokens > t) {
      one(panel, p, k, x, xs[t] + xShift, y, ys[t] + yShift, add);
    }
  }

  private static void one(
      float[] panel, int p, int k, float[] x, int xo, float[] y, int yo, boolean add) {
    FloatVector a0 = add ? FloatVector.fromArray(F, y, yo) : FloatVector.zero(F);
    FloatVector a1 = add ? FloatVector.fromArray(F, y, yo + WIDTH) : FloatVector.zero(F);
    for (int i = 0; i < k; i++) {
      FloatVector v = FloatVector.broadcast(F, x[xo + i]);
      a0 = FloatVector.fromArray(F, panel, p + i * PANEL).fma(v, a0);
      a1 = FloatVector.fromArray(F, panel, p + i * PANEL + WIDTH).fma(v, a1);
    }
    a0.intoArray(y, yo);
    a1.intoArray(y, yo + WIDTH);
  }

  private static void three(
      float[] panel,
      int p,
      int k,
      float[] x,
      int xa,
      int xb,
      int xc,
      float[] y,
      int ya,
      int yb,
      int yc,
      boolean add) {
    FloatVector a0 = add ? FloatVector.fromArray(F, y, ya) : FloatVector.zero(F);
    FloatVector a1 = add ? FloatVector.fromArray(F, y, ya + WIDTH) : FloatVector.zero(F);
    FloatVector b0 = add ? FloatVector.fromArray(F, y, yb) : FloatVector.zero(F);
    FloatVector b1 = add ? FloatVector.fromArray(F, y, yb + WIDTH) : FloatVector.zero(F);
    FloatVector c0 = add ? FloatVector.fromArray(F, y, yc) : FloatVector.zero(F);
    FloatVector c1 = add ? FloatVector.fromArray(F, y, yc + WIDTH) : FloatVector.zero(F);
    for (int i = 0; i < k; i++) {
      FloatVector p0 = FloatVector.fromArray(F, panel, p + i * PANEL);
      FloatVector p1 = FloatVector.fromArray(F, panel, p + i * PANEL + WIDTH);
      FloatVector v = FloatVector.broadcast(F, x[xa + i]);
      a0 = p0.fma(v, a0);
      a1 = p1.fma(v, a1);
      v = FloatVector.broadcast(F, x[xb + i]);
      b0 = p0.fma(v, b0);
      b1 = p1.fma(v, b1);
      v = FloatVector.broadcast(F, x[xc + i]);
      c0 = p0.fma(v, c0);
      c1 = p1.fma(v, c1);
    }
    a0.intoArray(y, ya);
    a1.intoArray(y, ya + WIDTH);
    b0.intoArray(y, yb);
    b1.intoArray(y, yb + WIDTH);
    c0.intoArray(y, yc);
    c1.intoArray(y, yc + WIDTH);
  }

  private static void six(
      float[] panel,
      int p,
      int k,
      float[] x,
      int xa,
      int xb,
      int xc,
      int xd,
      int xe,
      int xf,
      float[] y,
      int ya,
      int yb,
      int yc,
      int yd,
      int ye,
      int yf,
      boolean add) {
    FloatVector a0 = FloatVector.zero(F);
    FloatVector a1 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    FloatVector c0 = a0;
    FloatVector c1 = a0;
    FloatVector d0 = a0;
    FloatVector d1 = a0;
    FloatVector e0 = a0;
    FloatVector e1 = a0;
    FloatVector f0 = a0;
    FloatVector f1 = a0;
    if (add) {
      a0 = FloatVector.fromArray(F, y, ya);
      a1 = FloatVector.fromArray(F, y, ya + WIDTH);
      b0 = FloatVector.fromArray(F, y, yb);
      b1 = FloatVector.fromArray(F, y, yb + WIDTH);
      c0 = FloatVector.fromArray(F, y, yc);
      c1 = FloatVector.fromArray(F, y, yc + WIDTH);
      d0 = FloatVector.fromArray(F, y, yd);
      d1 = FloatVector.fromArray(F, y, yd + WIDTH);
      e0 = FloatVector.fromArray(F, y, ye);
      e1 = FloatVector.fromArray(F, y, ye + WIDTH);
      f0 = FloatVector.fromArray(F, y, yf);
      f1 = FloatVector.fromArray(F, y, yf + WIDTH);
    }
    for (int i = 0; i < k; i++) {
      FloatVector w0 = FloatVector.fromArray(F, panel, p + i * PANEL);
      FloatVector w1 = FloatVector.fromArray(F, panel, p + i * PANEL + WIDTH);
      FloatVector v = FloatVector.broadcast(F, x[xa + i]);
      a0 = w0.fma(v, a0);
      a1 = w1.fma(v, a1);
      v = FloatVector.broadcast(F, x[xb + i]);
      b0 = w0.fma(v, b0);
      b1 = w1.fma(v, b1);
      v = FloatVector.broadcast(F, x[xc + i]);
      c0 = w0.fma(v, c0);
      c1 = w1.fma(v, c1);
      v = FloatVector.broadcast(F, x[xd + i]);
      d0 = w0.fma(v, d0);
      d1 = w1.fma(v, d1);
      v = FloatVector.broadcast(F, x[xe + i]);
      e0 = w0.fma(v, e0);
      e1 = w1.fma(v, e1);
      v = FloatVector.broadcast(F, x[xf + i]);
      f0 = w0.fma(v, f0);
      f1 = w1.fma(v, f1);
    }
    a0.intoArray(y, ya);
    a1.intoArray(y, ya + WIDTH);
    b0.intoArray(y, yb);
    b1.intoArray(y, yb + WIDTH);
    c0.intoArray(y, yc);
    c1.intoArray(y, yc + WIDTH);
    d0.intoArray(y, yd);
    d1.intoArray(y, yd + WIDTH);
    e0.intoArray(y, ye);
    e1.intoArray(y, ye + WIDTH);
    f0.intoArray(y, yf);
    f1.intoArray(y, yf + WIDTH);
  }
}

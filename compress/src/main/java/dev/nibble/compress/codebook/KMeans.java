package dev.nibble.compress.codebook;

import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.HashSet;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Lloyd's clustering of short vectors (sheet 31a, step 3): starts from random distinct points,
 * stops after so many rounds or when the centroids stand still; a cluster without points keeps its
 * centroid. Points that have no more distinct values than there are centroids are met exactly.
 */
public final class KMeans {
  private static final int CHECK_EVERY = 10;
  private static final double STILL = 1e-6;
  private static final int SCORES = 1 << 20;

  private final float[] points;
  private final int size;
  private final int count;
  private final float[] centroids;
  private final int[] nearest;
  private final Workers workers;

  private KMeans(float[] points, int size, float[] centroids, Workers workers) {
    this.points = points;
    this.size = size;
    this.count = points.length / size;
    this.centroids = centroids;
    this.nearest = new int[count];
    this.workers = workers;
  }

  /**
   * A clustering.
   *
   * @param centroids {@code [k, size]}
   * @param nearest centroid of each point
   */
  public record Clusters(float[] centroids, int[] nearest) {}

  /**
   * Clusters points.
   *
   * @param points {@code [count, size]}, finite
   * @param k number of centroids
   * @param rounds at most
   * @param perCentroid points looked at, as a multiple of k; 0 for all. All points are assigned
   */
  public static Clusters fit(
      float[] points, int size, int k, int rounds, int perCentroid, long seed, Workers workers) {
    SplittableRandom random = new SplittableRandom(seed);
    int count = points.length / size;
    long limit = perCentroid == 0 ? count : Math.min(count, (long) perCentroid * k);
    float[] looked = limit < count ? sample(points, size, (int) limit, random) : points;
    float[] centroids = start(looked, size, k, random);
    KMeans run = new KMeans(looked, size, centroids, workers);
    run.rounds(rounds);
    if (looked != points) {
      run = new KMeans(points, size, centroids, workers);
    }
    run.assign();
    return new Clusters(centroids, run.nearest);
  }

  private static float[] sample(float[] points, int size, int wanted, SplittableRandom random) {
    int[] order = shuffled(points.length / size, random);
    float[] out = new float[wanted * size];
    for (int i = 0; i < wanted; i++) {
      System.arraycopy(points, order[i] * size, out, i * size, size);
    }
    return out;
  }

  /** A random order of {@code 0 .. n - 1}. */
  public static int[] shuffled(int n, SplittableRandom random) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      int other = random.nextInt(i + 1);
      order[i] = order[other];
      order[other] = i;
    }
    return order;
  }

  private static float[] start(float[] points, int size, int k, SplittableRandom random) {
    float[] centroids = new float[k * size];
    HashSet<Point> seen = new HashSet<>();
    for (int i : shuffled(points.length / size, random)) {
      if (seen.size() == k) {
        break;
      }
      if (seen.add(new Point(Arrays.copyOfRange(points, i * size, (i + 1) * size)))) {
        System.arraycopy(points, i * size, centroids, (seen.size() - 1) * size, size);
      }
    }
    return centroids;
  }

  /** A vector compared by value. */
  private record Point(float[] values) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Point p && Arrays.equals(values, p.values);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(values);
    }
  }

  private void rounds(int rounds) {
    float[] before = centroids.clone();
    for (int round = 1; round <= rounds; round++) {
      assign();
      recentre();
      if (round % CHECK_EVERY == 0) {
        if (still(before)) {
          return;
        }
        System.arraycopy(centroids, 0, before, 0, before.length);
      }
    }
  }

  private boolean still(float[] before) {
    for (int i = 0; i < before.length; i++) {
      if (Math.abs(before[i] - centroids[i]) > STILL * Math.abs(before[i])) {
        return false;
      }
    }
    return true;
  }

  private void recentre() {
    int k = centroids.length / size;
    double[] sums = new double[centroids.length];
    int[] members = new int[k];
    for (int p = 0; p < count; p++) {
      members[nearest[p]]++;
      for (int i = 0; i < size; i++) {
        sums[nearest[p] * size + i] += points[p * size + i];
      }
    }
    for (int i = 0; i < sums.length; i++) {
      if (members[i / size] > 0) {
        centroids[i] = (float) (sums[i] / members[i / size]);
      }
    }
  }

  private void assign() {
    int k = centroids.length / size;
    int chunk = Math.max(64, SCORES / k);
    workers.forEach(
        Math.ceilDiv(count, chunk), c -> assign(c * chunk, Math.min(count, (c + 1) * chunk), k));
  }

  private void assign(int from, int to, int k) {
    Torch.noGrad(
        () -> {
          Tensor part =
              Torch.fromFloats(Arrays.copyOfRange(points, from * size, to * size), to - from, size);
          Tensor words = Torch.fromFloats(centroids, k, size);
          Tensor norms = words.mul(words).sum(1);
          Tensor scores = torch.addmm(norms, part, words.t(), new Scalar(1.0), new Scalar(-2.0));
          Indices.read(scores.argmin(new LongOptional(1), false), nearest, from);
          return null;
        });
  }
}

package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.BilevelTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;

/** What is the same for every kind of tensor that the step makes. */
abstract class SpqrContract extends SolverContract {

  @Override
  protected String step() {
    return "spqr";
  }

  @Override
  protected boolean takes(QuantSpec spec) {
    return spec.granularity() != Granularity.TENSOR;
  }

  @Override
  protected String storedText(QuantSpec spec) {
    String shared = spec.granularity() == Granularity.CHANNEL ? "channel" : "g" + spec.groupSize();
    return "int" + spec.bits() + ":" + shared + (spec.symmetric() ? ":sym" : ":asym") + ":bilevel";
  }

  @Override
  protected byte[] solveAgain(AffineTensor solved, QuantSpec spec) {
    throw new UnsupportedOperationException("tensors of two levels are compared by value");
  }

  /** The codes, without outliers and order, are solved again on grids that are given. */
  @Override
  protected void requireFixed(PackedTensor packed, QuantSpec spec) {
    PackedTensor all = packed instanceof OutlierTensor o ? o.base() : packed;
    PackedTensor codes = all instanceof BandedTensor b ? b.bands().getFirst() : all;
    float[] w = codes.toFloats();
    int n = codes.columns();
    float[] again =
        GptqCases.withHessian(
            GptqCases.correlatedHessian(n, 5 * n, 9),
            (hessian, workers) -> {
              GivenGrids grids = new GivenGrids(codes, spec.groupColumns(n));
              SpqrBand.Problem problem =
                  new SpqrBand.Problem(
                      w,
                      Curvature.of(hessian, 0.01, false, workers).orElseThrow(),
                      128,
                      spec.groupColumns(n),
                      grids,
                      new LeaveOneOut(spec.bits(), true, true, Double.POSITIVE_INFINITY),
                      Double.POSITIVE_INFINITY,
                      new boolean[w.length],
                      new float[w.length]);
              new SpqrBand(problem, 0, w.length / n).solve();
              return grids.values;
            });
    assertThat(again).isEqualTo(w);
  }

  /** Grids of a stored tensor; keeps the values that codes stand for. */
  private static final class GivenGrids implements SpqrGrids {
    private final PackedTensor tensor;
    private final int width;
    private final float[] values;
    private final float[] scales;
    private final float[] zeros;

    GivenGrids(PackedTensor tensor, int width) {
      this.tensor = tensor;
      this.width = width;
      this.values = new float[Math.toIntExact(tensor.elements())];
      this.scales = new float[Math.ceilDiv(tensor.columns(), width)];
      this.zeros = new float[scales.length];
    }

    private void read(int row) {
      if (tensor instanceof BilevelTensor b) {
        b.scales(row, scales);
        b.zeros(row, zeros);
      } else {
        AffineTensor a = (AffineTensor) tensor;
        for (int g = 0; g < scales.length; g++) {
          scales[g] = a.scale(row, g);
          zeros[g] = a.zero(row, g);
        }
      }
    }

    private int bits() {
      return tensor instanceof BilevelTensor b ? b.layout().bits() : ((AffineTensor) tensor).bits();
    }

    @Override
    public int blockRows() {
      return Math.toIntExact(tensor.rows());
    }

    @Override
    public Group fit(int firstRow, int group, float[] lo, float[] hi) {
      return new Group() {
        @Override
        public int code(int row, double w) {
          read(row);
          double code = scales[group] == 0 ? 99 : Math.rint(w / scales[group] + zeros[group]);
          return (int) Math.clamp(code, 0, (1 << bits()) - 1);
        }

        @Override
        public float value(int row, int code) {
          read(row);
          return scales[group] * (code - zeros[group]);
        }
      };
    }

    @Override
    public void code(int row, int position, int code) {
      read(row);
      int g = position / width;
      values[row * tensor.columns() + position] = scales[g] * (code - zeros[g]);
    }

    @Override
    public PackedTensor build() {
      return tensor;
    }
  }
}

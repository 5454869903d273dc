package dev.nibble.runtime.decoder;

import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;
import dev.nibble.runtime.kernel.VectorMath;

/** Runs linear sites: operators of the input, product, operators of the output, bias. */
final class Linears {
  private final Products products;
  private final Team team;
  private final SiteInputs inputs;
  private final OutputTask outputTask = new OutputTask();

  /** Input of the last product since {@link #start}, else null. */
  private float[] last;

  Linears(Products products) {
    this.products = products;
    this.team = products.team();
    this.inputs = new SiteInputs(team);
  }

  /** Room for that many floats of inputs. */
  void reserve(int floats) {
    inputs.reserve(floats);
  }

  /** Says which rows belong together, for a quantizer whose scale is of all of them. */
  void owners(int[] owners) {
    inputs.owners(owners);
  }

  /** A site that shares its input with no other; {@code x} from index {@code at}. */
  void alone(Linear site, float[] x, int at, int count, float[] out) {
    start();
    float[] in = inputs.of(site, x, at, count);
    multiply(site, in, in == x ? at : 0, count, out, false);
  }

  /** Begins a group of sites that share an input. */
  void start() {
    last = null;
    inputs.start();
  }

  /** A site that shares its input with the sites since {@link #start}. */
  void shared(Linear site, float[] x, int count, float[] out) {
    int before = inputs.fills();
    float[] in = inputs.of(site, x, 0, count);
    boolean same = in == last && inputs.fills() == before;
    last = in;
    multiply(site, in, 0, count, out, same);
  }

  private void multiply(Linear site, float[] in, int at, int count, float[] out, boolean same) {
    boolean turned = !site.ops().outputTransforms().isEmpty();
    float[] bias = turned ? null : site.bias();
    products.multiply(
        site.matrix(), bias, in, at, site.inputs(), count, out, 0, site.outputs(), same);
    if (turned) {
      outputTask.site = site;
      outputTask.out = out;
      team.run(count, outputTask);
    }
  }

  /** Turns output rows and adds the bias behind. */
  private static final class OutputTask implements Team.Task {
    private Linear site;
    private float[] out;

    @Override
    public void run(int row, int worker) {
      int n = site.outputs();
      SiteInputs.transform(site.ops().outputTransforms(), out, row * n, 1, n);
      if (site.bias() != null) {
        VectorMath.plus(out, row * n, site.bias(), 0, n);
      }
    }
  }
}

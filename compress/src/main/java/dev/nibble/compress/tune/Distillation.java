package dev.nibble.compress.tune;

import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@code KL(teacher ‖ student)} of next-token distributions, mean over all positions, in nats, and
 * its gradient with respect to parameters of the student. Logits are computed for a stretch of
 * positions at a time. Sequences are independent tasks; their gradients are added in order.
 */
final class Distillation implements AutoCloseable {
  private final ResidentModel student;
  private final ResidentModel teacher;
  private final Workers workers;
  private final int chunk;

  /**
   * Takes over the teacher.
   *
   * @param chunk positions whose logits are in memory at once
   */
  Distillation(ResidentModel student, ResidentModel teacher, Workers workers, int chunk) {
    this.student = student;
    this.teacher = teacher;
    this.workers = workers;
    this.chunk = chunk;
  }

  /**
   * Loss and gradients.
   *
   * @param loss mean KL
   * @param gradients by parameter name, row-major
   */
  record Result(double loss, Map<String, float[]> gradients) {
    /** True when there is no NaN and no infinity. */
    boolean finite() {
      if (!Double.isFinite(loss)) {
        return false;
      }
      for (float[] gradient : gradients.values()) {
        for (float g : gradient) {
          if (!Float.isFinite(g)) {
            return false;
          }
        }
      }
      return true;
    }
  }

  /** Mean KL over sequences of equal length, without gradients. */
  double loss(int[][] sequences) {
    double[] losses = new double[sequences.length];
    workers.forEach(
        losses.length,
        i ->
            losses[i] =
                Torch.noGrad(
                    () -> {
                      Tensor tokens = Torch.tokens(sequences[i]);
                      Tensor hidden = student.hidden(tokens, BlockContext.PLAIN);
                      Tensor wanted = teacher.hidden(tokens, BlockContext.PLAIN);
                      double sum = 0;
                      for (int from = 0; from < hidden.size(1); from += chunk) {
                        sum += part(hidden, wanted, from).item_double();
                      }
                      return sum;
                    }));
    return Arrays.stream(losses).average().orElse(0);
  }

  /** Loss of positions {@code [from, from + chunk)} as a part of the mean over all. */
  private Tensor part(Tensor hidden, Tensor wanted, int from) {
    return Torch.scope(
        () -> {
          long length = hidden.size(1);
          long count = Math.min(chunk, length - from);
          Tensor target =
              Torch.noGrad(
                  () ->
                      torch.log_softmax(
                          teacher
                              .blocks()
                              .getLast()
                              .forward(wanted.narrow(1, from, count), BlockContext.PLAIN),
                          -1));
          Block head = student.blocks().getLast();
          Tensor found =
              torch.log_softmax(
                  head.forward(hidden.narrow(1, from, count), BlockContext.PLAIN), -1);
          return target
              .exp()
              .mul(target.sub(found))
              .sum(new ScalarTypeOptional(ScalarType.Double))
              .div(new Scalar((double) length));
        });
  }

  /**
   * Mean KL over sequences of equal length, and its gradients.
   *
   * @param names parameters of the student
   */
  Result gradients(int[][] sequences, List<String> names) {
    Map<String, Tensor> parameters = student.parameters();
    List<Tensor> leaves = names.stream().map(parameters::get).toList();
    Torch.run(() -> leaves.forEach(leaf -> leaf.set_requires_grad(true)));
    try {
      Map<String, float[]> sums = new LinkedHashMap<>();
      names.forEach(
          name -> sums.put(name, new float[Math.toIntExact(parameters.get(name).numel())]));
      double loss = 0;
      int wave = workers.threads(); // bounds memory only: the order of adding is fixed
      for (int first = 0; first < sequences.length; first += wave) {
        loss += wave(sequences, first, Math.min(wave, sequences.length - first), leaves, sums);
      }
      for (float[] sum : sums.values()) {
        for (int i = 0; i < sum.length; i++) {
          sum[i] /= sequences.length;
        }
      }
      return new Result(loss / sequences.length, sums);
    } finally {
      Torch.run(() -> leaves.forEach(leaf -> leaf.set_requires_grad(false)));
    }
  }

  private double wave(
      int[][] sequences, int first, int count, List<Tensor> leaves, Map<String, float[]> sums) {
    double[] losses = new double[count];
    List<List<Tensor>> parts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      parts.add(new ArrayList<>());
    }
    try {
      workers.forEach(count, i -> losses[i] = sequence(sequences[first + i], leaves, parts.get(i)));
      for (List<Tensor> part : parts) {
        int at = 0;
        for (float[] sum : sums.values()) {
          float[] values = Torch.toFloats(part.get(at++));
          for (int i = 0; i < sum.length; i++) {
            sum[i] += values[i];
          }
        }
      }
    } finally {
      parts.forEach(part -> part.forEach(Tensor::close));
    }
    return Arrays.stream(losses).sum();
  }

  /** The head is run and differentiated stretch by stretch, then the blocks below it once. */
  private double sequence(int[] sequence, List<Tensor> leaves, List<Tensor> out) {
    return Torch.withGrad(
        () -> {
          Tensor tokens = Torch.tokens(sequence);
          Tensor wanted = Torch.noGrad(() -> teacher.hidden(tokens, BlockContext.PLAIN));
          Tensor hidden = student.hidden(tokens, BlockContext.PLAIN);
          Tensor top = hidden.detach();
          top.set_requires_grad(true);
          Tensor[] sums = new Tensor[leaves.size() + 1];
          double loss = 0;
          for (int from = 0; from < top.size(1); from += chunk) {
            Tensor part = part(top, wanted, from);
            loss += part.item_double();
            add(sums, differentiate(part, null, leaves, top));
          }
          add(sums, differentiate(hidden, sums[leaves.size()], leaves, null));
          for (int i = 0; i < leaves.size(); i++) {
            Tensor sum = sums[i] == null ? torch.zeros_like(leaves.get(i)) : sums[i];
            out.add(Torch.keep(sum.detach()));
          }
          return loss;
        });
  }

  /** Gradients with respect to the leaves and {@code last}, null where there is none. */
  private static Tensor[] differentiate(
      Tensor output, Tensor gradient, List<Tensor> leaves, Tensor last) {
    if (!output.requires_grad()) {
      return new Tensor[leaves.size() + 1]; // nothing below the head is trained
    }
    TensorVector wanted = new TensorVector();
    leaves.forEach(wanted::push_back);
    if (last != null) {
      wanted.push_back(last);
    }
    TensorVector gradients = gradient == null ? new TensorVector() : new TensorVector(gradient);
    TensorVector found =
        torch.grad(
            new TensorVector(output), wanted, gradients, new BoolOptional(false), false, true);
    Tensor[] out = new Tensor[leaves.size() + 1];
    for (int i = 0; i < found.size(); i++) {
      Tensor each = found.get(i);
      out[i] = each.defined() ? each : null;
    }
    return out;
  }

  private static void add(Tensor[] sums, Tensor[] parts) {
    for (int i = 0; i < sums.length; i++) {
      if (parts[i] != null) {
        sums[i] = sums[i] == null ? parts[i] : sums[i].add(parts[i]);
      }
    }
  }

  @Override
  public void close() {
    teacher.close();
  }
}

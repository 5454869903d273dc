package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.Substitutes;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Distance of a reparameterized block from its goals, and the gradient of that. In three stages, so
 * that sequences and stand-ins are independent tasks: the stand-ins are computed once, in parallel;
 * each sequence is run with detached copies of them, and its gradients with respect to the copies
 * are added up in the order of the sequences; the sums are then taken back through each stand-in's
 * own graph.
 */
final class BlockLoss {
  private final BlockTask task;
  private final Samples samples;
  private final Reparameterization what;
  private final List<String> names;
  private final List<Trainable> trainables;

  BlockLoss(BlockTask task, Samples samples, Reparameterization what) {
    this.task = task;
    this.samples = samples;
    this.what = what;
    this.names = List.copyOf(what.names());
    this.trainables = List.copyOf(what.trainables());
  }

  /**
   * Mean loss of some sequences, and its gradients.
   *
   * @param gradients by trainable, in their order; the holder closes them
   */
  record Result(double loss, List<Tensor> gradients) {}

  /** Mean loss, without gradients. */
  double value(int[] sequences) {
    Tensor[] standIns = new Tensor[names.size()];
    task.workers()
        .forEach(
            standIns.length,
            i -> standIns[i] = Torch.owned(() -> what.value(names.get(i)).clone()));
    double[] losses = new double[sequences.length];
    try {
      task.workers()
          .forEach(losses.length, i -> losses[i] = forward(sequences[i], List.of(standIns)));
    } finally {
      close(List.of(standIns));
    }
    return mean(losses);
  }

  private double forward(int sequence, List<Tensor> standIns) {
    try (Samples.Sample sample = samples.sample(sequence);
        Block view = view(standIns)) {
      double[] loss = new double[1];
      Torch.noGrad(
          () -> {
            Tensor found = view.forward(sample.input(), BlockContext.PLAIN);
            loss[0] =
                sample.factor() * Samples.meanSquare(found.sub(sample.goal())) + sample.constant();
            return null;
          });
      return loss[0];
    }
  }

  /** Mean loss and its gradients. */
  Result gradients(int[] sequences) {
    List<Tensor> graphs = filled(names.size());
    List<Tensor> leaves = filled(names.size());
    try {
      task.workers().forEach(names.size(), i -> standIn(i, graphs, leaves));
      double[] losses = new double[sequences.length];
      List<Tensor> sums = sums(sequences, leaves, losses);
      try {
        return new Result(mean(losses), back(graphs, sums));
      } finally {
        close(sums);
      }
    } finally {
      close(graphs);
      close(leaves);
    }
  }

  private void standIn(int i, List<Tensor> graphs, List<Tensor> leaves) {
    Torch.withGrad(
        () -> {
          Tensor value = what.value(names.get(i));
          Tensor leaf = value.detach().clone();
          leaf.set_requires_grad(true);
          graphs.set(i, Torch.keep(value));
          leaves.set(i, Torch.keep(leaf));
          return null;
        });
  }

  /** Gradients with respect to the stand-ins, summed in the order of the sequences. */
  private List<Tensor> sums(int[] sequences, List<Tensor> leaves, double[] losses) {
    List<Tensor> sums = new ArrayList<>();
    int wave = task.workers().threads(); // only bounds what is held: the order of adding is fixed
    for (int from = 0; from < sequences.length; from += wave) {
      int start = from;
      List<List<Tensor>> found =
          new ArrayList<>(
              Collections.nCopies(Math.min(wave, sequences.length - from), List.<Tensor>of()));
      task.workers()
          .forEach(
              found.size(),
              i -> found.set(i, one(sequences[start + i], leaves, losses, start + i)));
      for (List<Tensor> each : found) {
        if (sums.isEmpty()) {
          sums.addAll(each);
        } else {
          task.workers().forEach(each.size(), i -> add(sums.get(i), each.get(i)));
          close(each);
        }
      }
    }
    return sums;
  }

  private static void add(Tensor sum, Tensor more) {
    Torch.noGrad(
        () -> {
          sum.add_(more);
          return null;
        });
  }

  private List<Tensor> one(int sequence, List<Tensor> leaves, double[] losses, int slot) {
    List<Tensor> out = new ArrayList<>();
    try (Samples.Sample sample = samples.sample(sequence);
        Block view = view(leaves)) {
      Torch.withGrad(
          () -> {
            Tensor found = view.forward(sample.input(), BlockContext.PLAIN);
            Tensor loss = sample.squares(found);
            losses[slot] = loss.item_double() + sample.constant();
            TensorVector gradients =
                torch.grad(
                    new TensorVector(loss.div(new Scalar((double) losses.length))),
                    new TensorVector(leaves.toArray(Tensor[]::new)),
                    new TensorVector(),
                    new BoolOptional(),
                    false,
                    true);
            for (int i = 0; i < leaves.size(); i++) {
              Tensor each = gradients.get(i);
              // an expert that no token of the sequence is sent to has none
              Tensor known =
                  each.defined() ? each.contiguous().clone() : torch.zeros_like(leaves.get(i));
              out.add(Torch.keep(known));
            }
            return null;
          });
    }
    return out;
  }

  /** From the stand-ins to what is trained. */
  private List<Tensor> back(List<Tensor> graphs, List<Tensor> sums) {
    List<List<Tensor>> parts =
        new ArrayList<>(Collections.nCopies(names.size(), List.<Tensor>of()));
    task.workers().forEach(names.size(), i -> parts.set(i, back(graphs.get(i), sums.get(i))));
    List<Tensor> out = new ArrayList<>();
    for (int t = 0; t < trainables.size(); t++) {
      Tensor sum = Torch.owned(zeros(trainables.get(t).value()));
      for (List<Tensor> part : parts) {
        if (!part.isEmpty() && part.get(t) != null) {
          add(sum, part.get(t));
        }
      }
      out.add(sum);
    }
    parts.forEach(BlockLoss::close);
    return out;
  }

  private static Supplier<Tensor> zeros(Tensor like) {
    return () -> torch.zeros_like(like);
  }

  /** By trainable, null where the stand-in does not depend on it; empty when it depends on none. */
  private List<Tensor> back(Tensor graph, Tensor sum) {
    List<Tensor> out = new ArrayList<>();
    if (!graph.requires_grad()) {
      return out;
    }
    Torch.withGrad(
        () -> {
          TensorVector found =
              torch.grad(
                  new TensorVector(graph),
                  new TensorVector(
                      trainables.stream().map(Trainable::value).toArray(Tensor[]::new)),
                  new TensorVector(sum),
                  new BoolOptional(false),
                  false,
                  true);
          for (long i = 0; i < found.size(); i++) {
            Tensor each = found.get(i);
            out.add(each.defined() ? Torch.keep(each.contiguous().clone()) : null);
          }
          return null;
        });
    return out;
  }

  private static List<Tensor> filled(int size) {
    return new ArrayList<>(Collections.nCopies(size, null));
  }

  private static double mean(double[] losses) {
    double sum = 0;
    for (double loss : losses) {
      sum += loss;
    }
    return sum / losses.length;
  }

  private static void close(List<Tensor> tensors) {
    for (Tensor tensor : tensors) {
      if (tensor != null) {
        tensor.close();
      }
    }
  }

  private Block view(List<Tensor> standIns) {
    Map<String, Tensor> parameters = new LinkedHashMap<>();
    for (int i = 0; i < names.size(); i++) {
      parameters.put(names.get(i), standIns.get(i));
    }
    Map<String, Tensor> matrices = new LinkedHashMap<>();
    what.inputMatrices().forEach((site, name) -> matrices.put(site, parameters.get(name)));
    parameters.keySet().removeAll(what.inputMatrices().values());
    return task.block().view(new Substitutes(parameters, matrices));
  }
}

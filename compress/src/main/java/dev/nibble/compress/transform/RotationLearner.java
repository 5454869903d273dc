package dev.nibble.compress.transform;

import dev.nibble.compress.block.Seeds;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.models.BlockContext;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Descends the loss of a fake-quantized network among rotations (SpinQuant, Liu et al. 2024,
 * section 3.2): weights as functions of the rotations are computed once a step, sequences run in
 * parallel with these as constants, their gradients are added in order, and one more backward pass
 * takes the sum to the rotations.
 */
final class RotationLearner {
  private final RotatedNetwork network;
  private final ResidentModel teacher;
  private final LearnOptions options;
  private final int[][] training;
  private final int[][] heldOut;
  private final long seed;
  private final Workers workers;

  /**
   * @param teacher the original, for {@link LearnOptions.Objective#KL}; else null
   * @param sequences calibration text, the last of which are held out
   */
  RotationLearner(
      RotatedNetwork network,
      ResidentModel teacher,
      LearnOptions options,
      int[][] sequences,
      long seed,
      Workers workers) {
    this.network = network;
    this.teacher = teacher;
    this.options = options;
    this.seed = seed;
    this.workers = workers;
    int length = options.length() == 0 ? Integer.MAX_VALUE : options.length();
    int[][] cut =
        Arrays.stream(sequences)
            .map(s -> Arrays.copyOf(s, Math.min(s.length, length)))
            .toArray(int[][]::new);
    int held = Math.clamp((long) (options.heldOut() * cut.length), 1, Math.max(1, cut.length - 1));
    this.heldOut = Arrays.copyOfRange(cut, cut.length - held, cut.length);
    this.training = cut.length == 1 ? cut : Arrays.copyOf(cut, cut.length - held);
  }

  /**
   * What was found.
   *
   * @param rotations fp64 orthogonal, which the caller frees: of the stream, then of value heads
   * @param steps steps that led to them; 0 when none lowered the held-out loss
   * @param before held-out loss of the rotations that learning started from
   * @param after held-out loss of these
   */
  record Result(List<Tensor> rotations, int steps, double before, double after) {}

  /**
   * Learns.
   *
   * @param start fp64 orthogonal; freed
   */
  Result learn(List<Tensor> start, Progress progress) {
    List<Tensor> current = start;
    install(current);
    double before = loss();
    double best = before;
    int bestStep = 0;
    List<Tensor> kept = copies(current);
    int every = Math.max(1, options.steps() / 4);
    for (int step = 1; step <= options.steps(); step++) {
      double rate = options.rate() / 2 * (1 + Math.cos(Math.PI * (step - 1) / options.steps()));
      List<Tensor> next = descend(current, step, rate);
      current.forEach(Tensor::close);
      current = next;
      if (step % every == 0 || step == options.steps()) {
        install(current);
        double loss = loss();
        if (loss < best) {
          best = loss;
          bestStep = step;
          kept.forEach(Tensor::close);
          kept = copies(current);
        }
        progress.note("learned_rotation step " + step + ": held-out loss " + loss);
      }
    }
    current.forEach(Tensor::close);
    return new Result(kept, bestStep, before, best);
  }

  private static List<Tensor> copies(List<Tensor> rotations) {
    return rotations.stream().map(r -> Torch.owned(r::clone)).toList();
  }

  private void install(List<Tensor> rotations) {
    Torch.noGrad(
        () -> {
          List<Tensor> single = rotations.stream().map(r -> r.to(ScalarType.Float)).toList();
          network.install(network.turned(single), false);
          return null;
        });
  }

  private List<Tensor> descend(List<Tensor> rotations, int step, double rate) {
    List<Tensor> out = new ArrayList<>();
    Torch.withGrad(
        () -> {
          List<Tensor> leaves =
              rotations.stream()
                  .map(r -> Torch.noGrad(() -> r.to(ScalarType.Float)).set_requires_grad(true))
                  .toList();
          Map<String, Tensor> turned = network.turned(leaves);
          network.install(turned, true);
          Map<String, Tensor> gradients = gradients(turned.keySet().stream().toList(), step);
          List<Tensor> chained = RotatedNetwork.chain(leaves, turned, gradients);
          gradients.values().forEach(Tensor::close);
          for (int i = 0; i < chained.size(); i++) {
            out.add(Torch.keep(Cayley.step(rotations.get(i), chained.get(i), rate)));
          }
          return null;
        });
    return out;
  }

  /** Gradients of the mean loss of a step's sequences by the installed weights. */
  private Map<String, Tensor> gradients(List<String> names, int step) {
    int[][] batch = batch(step);
    Map<String, Tensor> live = network.model().parameters();
    List<Tensor> wanted = names.stream().map(live::get).toList();
    Tensor[][] parts = new Tensor[batch.length][];
    workers.forEach(
        batch.length,
        i ->
            Torch.withGrad(
                () -> {
                  Tensor loss =
                      loss(batch[i]).div(new org.bytedeco.pytorch.Scalar((double) batch.length));
                  TensorVector found =
                      torch.grad(
                          new TensorVector(loss), new TensorVector(wanted.toArray(Tensor[]::new)));
                  parts[i] = new Tensor[wanted.size()];
                  for (int p = 0; p < parts[i].length; p++) {
                    parts[i][p] = Torch.keep(found.get(p).contiguous());
                  }
                  return null;
                }));
    Map<String, Tensor> out = new LinkedHashMap<>();
    for (int p = 0; p < names.size(); p++) {
      int at = p;
      Torch.noGrad(
          () -> {
            for (int i = 1; i < parts.length; i++) {
              parts[0][at].add_(parts[i][at]);
            }
            return null;
          });
      for (int i = 1; i < parts.length; i++) {
        parts[i][p].close();
      }
      out.put(names.get(p), parts[0][p]);
    }
    return out;
  }

  /** The next sequences of an order that is drawn anew each time all have been seen. */
  private int[][] batch(int step) {
    int size = Math.min(options.batch(), training.length);
    int[][] out = new int[size][];
    for (int i = 0; i < size; i++) {
      long at = (step - 1L) * size + i;
      int round = (int) (at / training.length);
      List<Integer> order = new ArrayList<>();
      for (int s = 0; s < training.length; s++) {
        order.add(s);
      }
      Collections.shuffle(order, new Random(Seeds.derive(seed, Integer.toString(round))));
      out[i] = training[order.get((int) (at % training.length))];
    }
    return out;
  }

  /** Mean held-out loss at the installed weights. */
  private double loss() {
    double[] losses = new double[heldOut.length];
    workers.forEach(
        losses.length,
        i -> losses[i] = Torch.scope(() -> Torch.noGrad(() -> loss(heldOut[i])).item_double()));
    return Arrays.stream(losses).average().orElseThrow();
  }

  private Tensor loss(int[] sequence) {
    return Torch.scope(
        () -> {
          int n = sequence.length - 1;
          Tensor tokens = Torch.tokens(Arrays.copyOf(sequence, n));
          Tensor logits = network.model().forward(tokens, BlockContext.PLAIN).reshape(n, -1);
          if (options.objective() == LearnOptions.Objective.CE) {
            long[] targets = new long[n];
            for (int i = 0; i < n; i++) {
              targets[i] = sequence[i + 1];
            }
            return torch.cross_entropy_loss(logits, Torch.fromLongs(targets, n));
          }
          Tensor known =
              Torch.noGrad(
                  () ->
                      teacher
                          .forward(tokens, BlockContext.PLAIN)
                          .reshape(n, -1)
                          .log_softmax(1, new ScalarTypeOptional()));
          Tensor found = logits.log_softmax(1, new ScalarTypeOptional());
          return known.exp().mul(known.sub(found)).sum(1).mean();
        });
  }
}

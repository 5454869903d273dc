package dev.nibble.eval.tasks;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.eval.scoring.Logits;
import dev.nibble.io.token.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Log-likelihoods of continuations, by the harness's rules:
 *
 * <pre>
 *   context tokens         continuation tokens = tok(c + s)[len(tok(c)):]
 *   c c c c c c            s s s
 *   input  = the last max_length + 1 tokens of both, less the last one
 *   scored = the last len(s) positions of the input
 * </pre>
 *
 * White space at the end of the context moves to the front of the continuation. Requests whose
 * inputs are equal (single-token choices of one question) share one forward pass.
 */
final class LikelihoodScorer {
  private final LanguageModel model;
  private final Tokenizer tokenizer;
  private final boolean addBos;

  /**
   * @param addBos put BOS before every context; otherwise only an empty context gets it
   */
  LikelihoodScorer(LanguageModel model, Tokenizer tokenizer, boolean addBos) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.addBos = addBos;
    if (addBos && tokenizer.bosId() < 0) {
      throw new NibbleException("BOS before each context: the tokenizer has no BOS token");
    }
  }

  /** Input tokens and the true tokens of its last positions. */
  record Encoded(int[] input, int[] targets) {
    int from() {
      return input.length - targets.length;
    }
  }

  /** Tokens of a request; without targets if the continuation adds no token to the context. */
  Encoded encode(Request request) {
    String context = request.context().stripTrailing();
    String continuation = request.context().substring(context.length()) + request.continuation();
    int[] head;
    int[] tail;
    if (context.isEmpty()) {
      head = new int[] {prefix()};
      tail = tokenizer.encode(continuation, false);
    } else {
      head = tokens(context);
      int[] all = tokens(context + continuation);
      tail = Arrays.copyOfRange(all, Math.min(head.length, all.length), all.length);
      head = Arrays.copyOf(all, all.length - tail.length);
    }
    int[] both = Arrays.copyOf(head, head.length + tail.length);
    System.arraycopy(tail, 0, both, head.length, tail.length);
    int end = both.length - 1;
    int begin = Math.max(0, end - model.contextLength());
    int[] input = Arrays.copyOfRange(both, begin, end);
    int scored = Math.min(tail.length, input.length);
    return new Encoded(input, Arrays.copyOfRange(both, both.length - scored, both.length));
  }

  private int[] tokens(String text) {
    int[] ids = tokenizer.encode(text, false);
    if (!addBos) {
      return ids;
    }
    int[] with = new int[ids.length + 1];
    with[0] = tokenizer.bosId();
    System.arraycopy(ids, 0, with, 1, ids.length);
    return with;
  }

  private int prefix() {
    if (tokenizer.bosId() >= 0) {
      return tokenizer.bosId();
    }
    if (tokenizer.eosIds().isEmpty()) {
      throw new NibbleException(
          "an empty context needs a BOS or EOS token, and the tokenizer has neither");
    }
    return Collections.min(tokenizer.eosIds());
  }

  /** Likelihoods of the requests, in their order. */
  List<Likelihood> score(List<Request> requests) {
    List<Encoded> encoded = requests.stream().map(this::encode).toList();
    Map<List<Integer>, List<Integer>> groups = new LinkedHashMap<>();
    for (int i = 0; i < encoded.size(); i++) {
      List<Integer> key = Arrays.stream(encoded.get(i).input()).boxed().toList();
      groups.computeIfAbsent(key, k -> new ArrayList<>()).add(i);
    }
    Likelihood[] results = new Likelihood[encoded.size()];
    groups.values().forEach(group -> scoreGroup(encoded, group, results));
    return List.of(results);
  }

  private void scoreGroup(List<Encoded> encoded, List<Integer> group, Likelihood[] results) {
    int[] input = encoded.get(group.getFirst()).input();
    int from = input.length;
    for (int i : group) {
      from = Math.min(from, encoded.get(i).from());
    }
    double[] sums = new double[group.size()];
    boolean[] greedy = new boolean[group.size()];
    Arrays.fill(greedy, true);
    if (from < input.length) {
      check(input);
      model.logits(
          input,
          from,
          (position, row, offset) -> {
            double logSum = Logits.logSumExp(row, offset, model.vocabSize());
            int best = Logits.argmax(row, offset, model.vocabSize());
            for (int g = 0; g < sums.length; g++) {
              Encoded e = encoded.get(group.get(g));
              if (position >= e.from()) {
                int target = e.targets()[position - e.from()];
                sums[g] += row[offset + target] - logSum;
                greedy[g] &= target == best;
              }
            }
          });
    }
    for (int g = 0; g < sums.length; g++) {
      boolean scored = encoded.get(group.get(g)).targets().length > 0 && Double.isFinite(sums[g]);
      results[group.get(g)] = scored ? new Likelihood(sums[g], greedy[g]) : Likelihood.ERROR;
    }
  }

  private void check(int[] input) {
    for (int token : input) {
      if (token < 0 || token >= model.vocabSize()) {
        throw new NibbleException(
            "token id %d is outside the model's vocabulary of %d; is this the model's tokenizer?"
                .formatted(token, model.vocabSize()));
      }
    }
  }
}

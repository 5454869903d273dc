package dev.nibble.pipeline.provenance;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.eval.divergence.DivergenceResult;
import dev.nibble.eval.encoding.EncoderDistanceResult;
import dev.nibble.eval.statistics.Estimate;
import dev.nibble.io.file.AtomicFile;
import dev.nibble.io.file.DiskTrouble;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * How close a quantized model is to its original, measured by running both.
 *
 * @param conditions protocol and text
 * @param positions compared positions
 * @param errors positions left out because a logit was not finite
 * @param kld mean Kullback–Leibler divergence from the original, nats
 * @param kldP99 99th percentile of the divergence
 * @param top1 share of positions with the same most likely token
 * @param perplexityBefore perplexity of the original on these positions
 * @param perplexityAfter perplexity of the quantized model on the same positions
 * @param vectors of encoders, for which there is no perplexity and divergence is that of the head
 */
public record Fidelity(
    String conditions,
    long positions,
    long errors,
    Estimate kld,
    double kldP99,
    Estimate top1,
    Estimate perplexityBefore,
    Estimate perplexityAfter,
    Optional<Vectors> vectors) {
  private static final long MAX_BYTES = 1 << 20;

  /**
   * How close an encoder's vectors are.
   *
   * @param cosine mean cosine between the two vectors of a text
   * @param cosineMin the smallest
   * @param nearest share of texts with the same nearest text
   * @param neighbours mean overlap of the ten nearest
   */
  public record Vectors(Estimate cosine, double cosineMin, Estimate nearest, Estimate neighbours) {}

  private static final Estimate UNKNOWN = new Estimate(Double.NaN, Double.NaN);

  /** The figures of two encoders; those of predictions are NaN without a head. */
  public static Fidelity of(EncoderDistanceResult full) {
    return new Fidelity(
        full.conditions(),
        full.positions(),
        0,
        full.kld(),
        Double.NaN,
        full.top1(),
        UNKNOWN,
        UNKNOWN,
        Optional.of(
            new Vectors(full.cosine(), full.cosineMin(), full.nearest(), full.neighbours())));
  }

  /** The headline figures of a full comparison. */
  public static Fidelity of(DivergenceResult full) {
    return new Fidelity(
        full.conditions(),
        full.positions(),
        full.errors(),
        full.kld(),
        full.kldPercentiles().p99(),
        full.top1(),
        full.perplexityBase(),
        full.perplexityQuantized(),
        Optional.empty());
  }

  /**
   * Reads a measurement from a file, or takes it and leaves it there.
   *
   * @param file its place; the folder is made
   */
  public static Fidelity kept(Path file, Supplier<Fidelity> measure) {
    if (Files.exists(file)) {
      return fromJson(StrictJson.readObject(file, MAX_BYTES));
    }
    Fidelity found = measure.get();
    try {
      Files.createDirectories(file.getParent());
    } catch (IOException e) {
      throw DiskTrouble.writing(file, e);
    }
    AtomicFile.write(file, StrictJson.pretty(found.toJson()));
    return found;
  }

  /** JSON form; a figure that is no finite number is null. */
  ObjectNode toJson() {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("conditions", conditions).put("positions", positions).put("errors", errors);
    put(out, "kld", kld);
    out.put("kld_p99", finite(kldP99));
    put(out, "top1", top1);
    put(out, "perplexity_before", perplexityBefore);
    put(out, "perplexity_after", perplexityAfter);
    vectors.ifPresent(
        v -> {
          ObjectNode inner = out.putObject("vectors");
          put(inner, "cosine", v.cosine());
          inner.put("cosine_min", finite(v.cosineMin()));
          put(inner, "nearest", v.nearest());
          put(inner, "neighbours", v.neighbours());
        });
    return out;
  }

  private static void put(ObjectNode out, String key, Estimate estimate) {
    out.putObject(key)
        .put("value", finite(estimate.value()))
        .put("standard_error", finite(estimate.standardError()));
  }

  private static Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  /** Reads the JSON form. */
  static Fidelity fromJson(JsonFields in) {
    return new Fidelity(
        in.string("conditions"),
        in.node().path("positions").longValue(),
        in.node().path("errors").longValue(),
        estimate(in, "kld"),
        in.number("kld_p99", -Double.MAX_VALUE, Double.MAX_VALUE, Double.NaN),
        estimate(in, "top1"),
        estimate(in, "perplexity_before"),
        estimate(in, "perplexity_after"),
        in.optionalObject("vectors").map(Fidelity::vectors));
  }

  private static Vectors vectors(JsonFields in) {
    return new Vectors(
        estimate(in, "cosine"),
        in.number("cosine_min", -2, 2, Double.NaN),
        estimate(in, "nearest"),
        estimate(in, "neighbours"));
  }

  private static Estimate estimate(JsonFields in, String key) {
    JsonFields found = in.object(key);
    double big = Double.MAX_VALUE;
    return new Estimate(
        found.number("value", -big, big, Double.NaN),
        found.number("standard_error", -big, big, Double.NaN));
  }
}

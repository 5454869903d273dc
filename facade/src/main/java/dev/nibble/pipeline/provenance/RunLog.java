package dev.nibble.pipeline.provenance;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.io.file.AtomicFile;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import dev.nibble.pipeline.plan.Forecast;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What one run took, forecast against actual, and what it measured. Not part of an artefact's
 * identity.
 *
 * @param forecast what the plan said
 * @param memoryBytes peak of anonymous memory while quantizing, in the process that ended the run
 * @param seconds time of quantizing: all blocks, also those of earlier attempts, and the rest
 * @param evaluationSeconds time of measuring the result, 0 when that was not asked for
 * @param resumedBlocks blocks taken over from earlier attempts
 * @param fidelity how close to the original the result came, if that was measured
 */
public record RunLog(
    Forecast forecast,
    long memoryBytes,
    double seconds,
    double evaluationSeconds,
    int resumedBlocks,
    Optional<Fidelity> fidelity) {
  /** File in the artefact's folder. */
  public static final String NAME = "run.json";

  private static final long MAX_BYTES = 1 << 20;

  /** Writes {@value #NAME}. */
  public void write(Path directory) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.putObject("forecast")
        .put("memory_bytes", forecast.memoryBytes())
        .put("seconds", forecast.seconds())
        .put("scratch_bytes", forecast.scratchBytes())
        .put("threads", forecast.threads());
    out.putObject("actual")
        .put("memory_bytes", memoryBytes)
        .put("seconds", seconds)
        .put("evaluation_seconds", evaluationSeconds)
        .put("resumed_blocks", resumedBlocks);
    fidelity.ifPresent(f -> out.set("fidelity", f.toJson()));
    AtomicFile.write(directory.resolve(NAME), StrictJson.pretty(out));
  }

  /** Reads {@value #NAME}. */
  public static RunLog read(Path directory) {
    JsonFields in = StrictJson.readObject(directory.resolve(NAME), MAX_BYTES);
    JsonFields planned = in.object("forecast");
    JsonFields actual = in.object("actual");
    double most = Double.MAX_VALUE;
    return new RunLog(
        new Forecast(
            planned.node().path("memory_bytes").longValue(),
            planned.number("seconds", 0, most),
            planned.node().path("scratch_bytes").longValue(),
            planned.integer("threads", 1, 1024)),
        actual.node().path("memory_bytes").longValue(),
        actual.number("seconds", 0, most),
        actual.number("evaluation_seconds", 0, most),
        actual.integer("resumed_blocks", 0, Integer.MAX_VALUE),
        in.optionalObject("fidelity").map(Fidelity::fromJson));
  }
}

package dev.nibble;

import dev.nibble.core.ModelFormatException;
import dev.nibble.eval.report.Section;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.model.NibbleArtefact;
import dev.nibble.pipeline.provenance.Provenance;
import dev.nibble.pipeline.provenance.RunLog;
import dev.nibble.pipeline.report.Headlines;
import dev.nibble.pipeline.report.QuantizationReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A finished artefact.
 *
 * @param output its folder
 * @param provenance what its bytes follow from
 * @param log what the run that made it took, forecast against actual, and how close to the original
 *     the result is
 */
public record QuantizationResult(Path output, Provenance provenance, RunLog log) {

  /** The report page. */
  public Path report() {
    return output.resolve(QuantizationReport.NAME);
  }

  /** Size, quality, time and memory, before and after, forecast and actual. */
  public Section.Headline headline() {
    Path weights = output.resolve(NibbleArtefact.WEIGHTS);
    try {
      return Headlines.of(provenance, log, Files.size(weights));
    } catch (IOException e) {
      throw new ModelFormatException(weights, "", "cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * Reads what an artefact says about itself.
   *
   * @throws dev.nibble.core.NibbleException when the folder holds no artefact
   */
  static QuantizationResult read(Path artefact) {
    NibbleArtefact.Manifest manifest = NibbleArtefact.readManifest(artefact);
    JsonFields provenance =
        new JsonFields(
            artefact.resolve(NibbleArtefact.MANIFEST), "provenance", manifest.provenance());
    return new QuantizationResult(artefact, Provenance.fromJson(provenance), RunLog.read(artefact));
  }
}

package dev.nibble;

import dev.nibble.io.json.JsonFields;
import dev.nibble.io.model.NibbleArtefact;
import dev.nibble.pipeline.provenance.Provenance;
import dev.nibble.pipeline.provenance.RunLog;
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

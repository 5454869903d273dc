package dev.nibble.compress.block;

import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.PackedTensor;
import java.util.List;
import java.util.Map;

/**
 * A finished block.
 *
 * @param tensors what is stored, by canonical name
 * @param operators run-time parts of sites that are not plain
 * @param values checksum of each tensor's simulated values, see {@link ValueChecksum}
 * @param solved how well sites were solved, by site
 * @param events what steps reported, by site
 * @param streams checksums of the activations that leave the block, one a batch, by stream
 */
public record SealedBlock(
    Map<String, PackedTensor> tensors,
    Map<String, SiteOps> operators,
    Map<String, Long> values,
    List<SolvedSite> solved,
    List<StepEvent> events,
    Map<ActivationStreams.Kind, List<Long>> streams) {}

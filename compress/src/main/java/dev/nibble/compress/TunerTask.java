package dev.nibble.compress;

import dev.nibble.compress.block.Batches;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.models.ResidentModel;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * What a {@link ModelTuner} sees.
 *
 * @param student the quantized model: parameters as stored, packed tensors and operators at their
 *     sites
 * @param teacher loads the model as it was, with the rewrites of the recipe; the caller closes it
 * @param tokens calibration sequences
 * @param checkpoints an existing folder of this tuner's own, which outlives an interruption and is
 *     removed when the tuner is done
 * @param seed derived from the recipe and the step's position
 * @param events where notable things are recorded
 * @param workers threads for independent tasks
 * @param progress told how far the training is
 */
public record TunerTask(
    ResidentModel student,
    Supplier<ResidentModel> teacher,
    Batches tokens,
    Path checkpoints,
    long seed,
    Events events,
    Workers workers,
    Progress progress) {}

package dev.nibble.compress;

import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.block.Batches;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.KernelTimes;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Model;

/**
 * What a step sees when it prepares the whole model.
 *
 * @param model the model; rewrites are installed on it
 * @param seed seed derived from the recipe and the step's position
 * @param events where notable things are recorded
 * @param tokens calibration sequences; {@link Batches#NONE} unless some step asked for them
 * @param allocation what steps have decided so far; an allocate step adds to it
 * @param storage what the recipe would store under an allocation
 * @param scores what earlier runs found out about the same model and tokens
 * @param times how long stored weights take to run on this machine
 * @param workers threads for independent tasks
 * @param progress told how far long work is
 */
public record ModelTask(
    Model model,
    long seed,
    Events events,
    Batches tokens,
    Allocation allocation,
    StorageForecast storage,
    ScoreCache scores,
    KernelTimes times,
    Workers workers,
    Progress progress) {}

package dev.nibble.compress;

import dev.nibble.models.Model;

/**
 * What a step sees when it prepares the whole model.
 *
 * @param model the model; rewrites are installed on it
 * @param seed seed derived from the recipe and the step's position
 * @param events where notable things are recorded
 */
public record ModelTask(Model model, long seed, Events events) {}

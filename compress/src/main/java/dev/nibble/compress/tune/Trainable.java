package dev.nibble.compress.tune;

import org.bytedeco.pytorch.Tensor;

/**
 * Numbers that a tuner trains.
 *
 * @param name unique within the {@link Reparameterization}
 * @param value fp32 leaf that requires gradients; changed in place
 * @param learningRate peak rate, positive
 */
public record Trainable(String name, Tensor value, double learningRate) {}

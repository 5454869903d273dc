package dev.nibble.core.model;

import java.util.List;

/**
 * Layers that attend to a window and may have rotary positions of their own, between others that
 * follow {@link ModelConfig#slidingWindow} and {@link ModelConfig#rope} (Gemma 2 and 3).
 *
 * @param window tokens that such a layer sees, the newest included; at least 1
 * @param rope its rotary parameters, of the same width as the model's
 * @param layers indices of these layers, ascending
 */
public record LocalAttention(int window, RopeConfig rope, List<Integer> layers) {

  /** No such layers. */
  public static final LocalAttention NONE =
      new LocalAttention(0, RopeConfig.plain(10000, 0), List.of());

  /** Copies the list. */
  public LocalAttention {
    layers = List.copyOf(layers);
  }
}

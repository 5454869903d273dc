package dev.nibble.models;

/**
 * A named place where numbers can be quantized.
 *
 * @param name canonical module name ({@code model.layers.3.mlp.down_proj}); its weight is {@code
 *     name + ".weight"}
 * @param kind what runs there
 * @param outputs rows of the weight
 * @param inputs columns of the weight
 */
public record Site(String name, Kind kind, int outputs, int inputs) {

  /** What a site is. */
  public enum Kind {
    LINEAR,
    EMBEDDING,
    /** A small linear that decides which experts a token goes to, or how much of the shared one. */
    ROUTER,
    ATTENTION,
    KEY_CACHE,
    VALUE_CACHE
  }
}

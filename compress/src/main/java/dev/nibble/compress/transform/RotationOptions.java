package dev.nibble.compress.transform;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/**
 * Options of {@code rotate}.
 *
 * @param kind rotation of the residual stream
 * @param seed of its random part, or -1 to take the recipe's
 * @param online maps that remain to be done at run time
 */
public record RotationOptions(ResidualRotation.Kind kind, long seed, Set<Online> online) {

  /** Places of a run-time Hadamard transform. */
  public enum Online {
    /** Input of the MLP's down projection. */
    DOWN,
    /** Across heads, at the input of the attention's output projection. */
    O,
    /** Queries and keys after the rotary embedding: matters only to a quantized key cache. */
    QK
  }

  /** Randomised Hadamard with run-time transforms at down and o: QuaRot. */
  public static final RotationOptions DEFAULT =
      new RotationOptions(ResidualRotation.Kind.HADAMARD, -1, EnumSet.of(Online.DOWN, Online.O));

  /** Copies the set. */
  public RotationOptions {
    online = Set.copyOf(online);
  }

  /** Reads {@code kind}, {@code seed}, {@code online}. */
  static RotationOptions read(OptionReader options) {
    return read(options, "down", "o");
  }

  /** As {@link #read}; nothing is left across heads, whose values have rotations of their own. */
  static RotationOptions readLearned(OptionReader options) {
    RotationOptions out = read(options, "down");
    if (out.online().contains(Online.O)) {
      throw new NibbleException(
          options.where() + ".online: o does not go with learned rotations; use down and qk");
    }
    return out;
  }

  private static RotationOptions read(OptionReader options, String... online) {
    ResidualRotation.Kind kind =
        options.choice("kind", DEFAULT.kind(), ResidualRotation.Kind.class);
    long seed = options.whole("seed", -1);
    Set<Online> places = EnumSet.noneOf(Online.class);
    for (String name : options.texts("online", Arrays.asList(online))) {
      places.add(online(options.where(), name));
    }
    return new RotationOptions(kind, seed, places);
  }

  private static Online online(String where, String name) {
    for (Online each : Online.values()) {
      if (each.name().toLowerCase(Locale.ROOT).equals(name)) {
        return each;
      }
    }
    throw new NibbleException(
        where + ".online: expected a list of down, o, qk (or []), found \"" + name + "\"");
  }
}

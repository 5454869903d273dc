package dev.nibble.compress.allocate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.nibble.compress.ScoreCache;
import java.util.Optional;
import java.util.function.Supplier;

/** Tables of scores that are looked up before they are computed. */
final class RememberedScores {
  private RememberedScores() {}

  /**
   * A table {@code [rows][columns]} from the cache, or computed and stored there. Non-finite values
   * survive the trip.
   *
   * @param key everything that it depends on besides model and tokens
   * @param rows as expected; an entry of another shape is not used
   */
  static double[][] table(
      ScoreCache cache, String key, int rows, int columns, Supplier<double[][]> compute) {
    Optional<double[][]> found = cache.find(key).flatMap(json -> read(json, rows, columns));
    if (found.isPresent()) {
      return found.get();
    }
    double[][] table = compute.get();
    ArrayNode json = JsonNodeFactory.instance.arrayNode();
    for (double[] row : table) {
      ArrayNode values = json.addArray();
      for (double value : row) {
        values.add(Double.toString(value));
      }
    }
    cache.store(key, json);
    return table;
  }

  /** {@link #table} of one row. */
  static double[] row(ScoreCache cache, String key, int length, Supplier<double[]> compute) {
    return table(cache, key, 1, length, () -> new double[][] {compute.get()})[0];
  }

  private static Optional<double[][]> read(JsonNode json, int rows, int columns) {
    double[][] out = new double[rows][columns];
    if (json.size() != rows) {
      return Optional.empty();
    }
    try {
      for (int r = 0; r < rows; r++) {
        if (json.get(r).size() != columns) {
          return Optional.empty();
        }
        for (int c = 0; c < columns; c++) {
          out[r][c] = Double.parseDouble(json.get(r).get(c).asText());
        }
      }
      return Optional.of(out);
    } catch (NumberFormatException e) {
      return Optional.empty(); // somebody wrote into the file: compute again
    }
  }
}

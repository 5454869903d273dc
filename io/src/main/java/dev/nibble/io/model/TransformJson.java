package dev.nibble.io.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.transform.SeededOrthogonal;
import dev.nibble.io.json.JsonFields;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.List;
import java.util.Locale;

/**
 * An {@link OnlineTransform} as JSON, one of
 *
 * <pre>
 * { "kind": "hadamard", "n": 768 }
 * { "kind": "head_hadamard", "heads": 8, "head_dim": 64 }
 * { "kind": "block_hadamard", "block": 128 }
 * { "kind": "permutation", "source": [2, 0, 1] }
 * { "kind": "scaling", "factor": [1.5, 0.25] }
 * { "kind": "block_matrix", "block": 128, "type": "f16", "rows": [ "…", … ] }
 * { "kind": "seeded", "form": "kronecker", "n": 768, "seed": 5, "transposed": false }
 * </pre>
 *
 * <p>A row of a matrix is the base64 of its little-endian values, f16 where half precision holds
 * all of the matrix exactly, else f32.
 */
final class TransformJson {
  private static final int MAX = ConfigDraft.MAX_COUNT;

  private TransformJson() {}

  static ObjectNode write(OnlineTransform transform) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    switch (transform) {
      case OnlineTransform.Hadamard t -> out.put("kind", "hadamard").put("n", t.n());
      case OnlineTransform.HeadHadamard t ->
          out.put("kind", "head_hadamard").put("heads", t.heads()).put("head_dim", t.headDim());
      case OnlineTransform.BlockHadamard t ->
          out.put("kind", "block_hadamard").put("block", t.block());
      case OnlineTransform.Permutation t -> {
        ArrayNode source = out.put("kind", "permutation").putArray("source");
        for (int i : t.source()) {
          source.add(i);
        }
      }
      case OnlineTransform.Scaling t -> {
        ArrayNode factor = out.put("kind", "scaling").putArray("factor");
        for (float f : t.factor()) {
          factor.add((double) f);
        }
      }
      case OnlineTransform.BlockMatrix t -> matrix(out, t);
      case OnlineTransform.Seeded t ->
          out.put("kind", "seeded")
              .put("form", t.form().name().toLowerCase(Locale.ROOT))
              .put("n", t.n())
              .put("seed", t.seed())
              .put("transposed", t.transposed());
    }
    return out;
  }

  private static void matrix(ObjectNode out, OnlineTransform.BlockMatrix t) {
    boolean half = true;
    for (float f : t.matrix()) {
      half &= Float.float16ToFloat(Float.floatToFloat16(f)) == f;
    }
    out.put("kind", "block_matrix").put("block", t.block()).put("type", half ? "f16" : "f32");
    ArrayNode rows = out.putArray("rows");
    int n = t.block();
    for (int row = 0; row < n; row++) {
      ByteBuffer bytes = ByteBuffer.allocate(n * (half ? 2 : 4)).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < n; i++) {
        float value = t.matrix()[row * n + i];
        if (half) {
          bytes.putShort(Float.floatToFloat16(value));
        } else {
          bytes.putFloat(value);
        }
      }
      rows.add(Base64.getEncoder().encodeToString(bytes.array()));
    }
  }

  /** Reads what {@link #write} wrote. */
  static OnlineTransform read(JsonFields t) {
    String kind = t.string("kind");
    return switch (kind) {
      case "hadamard" -> new OnlineTransform.Hadamard(t.integer("n", 1, MAX));
      case "head_hadamard" ->
          new OnlineTransform.HeadHadamard(
              t.integer("heads", 1, MAX), t.integer("head_dim", 1, MAX));
      case "block_hadamard" -> new OnlineTransform.BlockHadamard(t.integer("block", 1, MAX));
      case "permutation" -> permutation(t);
      case "scaling" -> scaling(t);
      case "block_matrix" -> readMatrix(t);
      case "seeded" ->
          new OnlineTransform.Seeded(
              t.constant("form", SeededOrthogonal.Form.class),
              t.integer("n", 1, MAX),
              seed(t),
              t.flag("transposed"));
      default ->
          throw t.problem(
              "kind",
              "'"
                  + JsonFields.shown(kind)
                  + "' is not known; the artefact was made by a newer version of Nibble");
    };
  }

  private static OnlineTransform scaling(JsonFields t) {
    List<Double> factors = t.numbers("factor", -Float.MAX_VALUE, Float.MAX_VALUE);
    float[] factor = new float[factors.size()];
    for (int i = 0; i < factor.length; i++) {
      factor[i] = factors.get(i).floatValue();
    }
    return new OnlineTransform.Scaling(factor);
  }

  private static OnlineTransform permutation(JsonFields t) {
    int[] source = t.integers("source", 0, MAX).stream().mapToInt(Integer::intValue).toArray();
    boolean[] seen = new boolean[source.length];
    for (int i : source) {
      if (i >= source.length || seen[i]) {
        throw t.problem("source", "is not a permutation: " + i + " is out of range or twice there");
      }
      seen[i] = true;
    }
    return new OnlineTransform.Permutation(source);
  }

  private static OnlineTransform readMatrix(JsonFields t) {
    int n = t.integer("block", 1, MAX);
    String type = t.string("type");
    boolean half = type.equals("f16");
    if (!half && !type.equals("f32")) {
      throw t.problem("type", "'" + JsonFields.shown(type) + "' is neither f16 nor f32");
    }
    List<String> rows = t.strings("rows");
    if (rows.size() != n) {
      throw t.problem("rows", "there are " + rows.size() + " of them in a matrix of " + n);
    }
    float[] matrix = new float[Math.multiplyExact(n, decoded(t, rows.getFirst(), n, half).length)];
    for (int row = 0; row < n; row++) {
      System.arraycopy(decoded(t, rows.get(row), n, half), 0, matrix, row * n, n);
    }
    return new OnlineTransform.BlockMatrix(n, matrix);
  }

  private static float[] decoded(JsonFields t, String row, int n, boolean half) {
    ByteBuffer bytes;
    try {
      bytes = ByteBuffer.wrap(Base64.getDecoder().decode(row)).order(ByteOrder.LITTLE_ENDIAN);
    } catch (IllegalArgumentException e) {
      throw t.problem("rows", "hold what is not base64: " + JsonFields.shown(e.getMessage()));
    }
    if (bytes.remaining() != (long) n * (half ? 2 : 4)) {
      throw t.problem(
          "rows", "hold " + bytes.remaining() + " bytes where a row has " + n + " values");
    }
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = half ? Float.float16ToFloat(bytes.getShort()) : bytes.getFloat();
      if (!Float.isFinite(out[i])) {
        throw t.problem("rows", "hold a value that is not finite");
      }
    }
    return out;
  }

  private static long seed(JsonFields t) {
    var node = t.node().get("seed");
    if (node == null || !node.isIntegralNumber() || !node.canConvertToLong()) {
      throw t.problem("seed", "is not a whole number of 64 bits");
    }
    return node.longValue();
  }
}

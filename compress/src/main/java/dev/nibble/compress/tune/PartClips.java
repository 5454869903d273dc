package dev.nibble.compress.tune;

import dev.nibble.compress.solve.BinaryRounding;
import dev.nibble.compress.solve.Parts;
import dev.nibble.core.format.Binary;
import dev.nibble.core.rounding.CodeGrid;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Learned ranges of a weight whose groups of columns have widths of their own, part by part. */
final class PartClips implements AutoCloseable {
  private final int rows;
  private final int columns;
  private final Parts parts;
  private final List<LearnedClip> clips = new ArrayList<>();
  private final List<LearnedBinary> binaries = new ArrayList<>();

  /**
   * @param parts all rows of classes of columns, or the whole weight
   */
  PartClips(int rows, int columns, Parts parts, RoundingOptions rounding) {
    this.rows = rows;
    this.columns = columns;
    this.parts = parts;
    for (Parts.Part part : parts.parts()) {
      QuantSpec spec = part.spec();
      int width = width(part);
      boolean binary = spec.format() instanceof Binary;
      binaries.add(
          binary ? new LearnedBinary(rows, width, spec.groupSize(), spec.scaleFormat()) : null);
      clips.add(
          binary
              ? null
              : new LearnedClip(
                  rows,
                  width,
                  LearnedClip.Layout.of(spec, rounding.flavourFor(spec), width),
                  null,
                  ClipOptions.SCALE_GRADIENT));
    }
  }

  private boolean whole() {
    return parts.parts().size() == 1;
  }

  private int width(Parts.Part part) {
    return whole() ? columns : part.members().length;
  }

  List<Trainable> trainables(String site, double learningRate) {
    List<Trainable> out = new ArrayList<>();
    for (int i = 0; i < clips.size(); i++) {
      String name = site + "." + i;
      if (clips.get(i) == null) {
        out.add(binaries.get(i).trainable(name, learningRate));
      } else {
        out.addAll(clips.get(i).trainables(name, learningRate));
      }
    }
    return out;
  }

  /** The weight as it will be stored, {@code [rows, columns]}. */
  Tensor quantize(Tensor w) {
    return Torch.scope(
        () -> {
          TensorVector values = new TensorVector();
          long[] order = new long[columns];
          int placed = 0;
          for (int i = 0; i < clips.size(); i++) {
            Tensor part = take(w, parts.parts().get(i));
            values.push_back(
                clips.get(i) == null
                    ? binaries.get(i).quantize(part)
                    : clips.get(i).quantize(part));
            for (int member : whole() ? new int[0] : parts.parts().get(i).members()) {
              order[member] = placed++;
            }
          }
          Tensor all = torch.cat(values, 1);
          return whole() ? all : all.index_select(1, Torch.fromLongs(order, columns));
        });
  }

  private Tensor take(Tensor w, Parts.Part part) {
    if (whole()) {
      return w;
    }
    long[] index = new long[part.members().length];
    for (int i = 0; i < index.length; i++) {
      index[i] = part.members()[i];
    }
    return w.index_select(1, Torch.fromLongs(index, index.length));
  }

  /** Rounds a weight to the learned grids; the values are exactly those of {@link #quantize}. */
  PackedTensor pack(Tensor w) {
    List<PackedTensor> stored = new ArrayList<>();
    Torch.run(
        () -> {
          for (int i = 0; i < clips.size(); i++) {
            Parts.Part part = parts.parts().get(i);
            Tensor values = take(w, part).contiguous();
            stored.add(
                clips.get(i) == null
                    ? packBinary(values, part, binaries.get(i).grids(values))
                    : clips.get(i).pack(values, part.spec()));
          }
        });
    return parts.join(new long[] {rows, columns}, stored);
  }

  private PackedTensor packBinary(Tensor values, Parts.Part part, CodeGrid[] grids) {
    float[] w = Torch.toFloats(values);
    int width = part.members().length;
    int group = part.spec().groupSize();
    byte[] codes = new byte[w.length];
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (byte) grids[i / width * (width / group) + i % width / group].code(w[i]);
    }
    return BinaryRounding.pack(codes, rows, width, group, grids, part.spec().scaleFormat());
  }

  @Override
  public void close() {
    clips.stream().filter(c -> c != null).forEach(LearnedClip::close);
    binaries.stream().filter(b -> b != null).forEach(LearnedBinary::close);
  }
}

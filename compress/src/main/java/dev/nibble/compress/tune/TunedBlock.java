package dev.nibble.compress.tune;

import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Block;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A block whose weights are clipped to learned ranges, behind trained changes of basis. Takes over
 * clips and places; the block is borrowed, and must not change until this is closed.
 */
public final class TunedBlock implements Reparameterization {
  private static final String MATRIX = ".input_matrix";

  private final Block block;
  private final List<Place> places;
  private final Map<String, LearnedClip> clips;
  private final double clipRate;
  private final Set<String> names = new LinkedHashSet<>();
  private final Map<String, String> inputMatrices = new LinkedHashMap<>();
  private final Map<String, Place> matrices = new LinkedHashMap<>();

  /**
   * Learned ranges alone.
   *
   * @param clips by site
   * @param clipRate learning rate of the ranges, positive
   */
  public static TunedBlock clipped(Block block, Map<String, LearnedClip> clips, double clipRate) {
    return new TunedBlock(block, List.of(), clips, clipRate);
  }

  /**
   * All of it.
   *
   * @param places in the order in which they change a parameter that several change
   * @param clips by site
   * @param clipRate learning rate of the ranges; 0 leaves them as they start
   */
  TunedBlock(Block block, List<Place> places, Map<String, LearnedClip> clips, double clipRate) {
    this.block = block;
    this.places = List.copyOf(places);
    this.clips = new LinkedHashMap<>(clips);
    this.clipRate = clipRate;
    places.forEach(place -> names.addAll(place.parameters()));
    clips.keySet().forEach(site -> names.add(TensorNames.weight(site)));
    for (Place place : places) {
      String matrix = place.name() + MATRIX;
      if (!place.inputSites().isEmpty()) {
        names.add(matrix);
        matrices.put(matrix, place);
      }
      place.inputSites().forEach(site -> inputMatrices.put(site, matrix));
    }
  }

  @Override
  public List<Trainable> trainables() {
    List<Trainable> out = new ArrayList<>();
    places.forEach(place -> out.addAll(place.trainables()));
    if (clipRate > 0) {
      clips.forEach((site, clip) -> out.addAll(clip.trainables(site, clipRate)));
    }
    return out;
  }

  @Override
  public List<String> names() {
    return List.copyOf(names);
  }

  @Override
  public Map<String, String> inputMatrices() {
    return Map.copyOf(inputMatrices);
  }

  @Override
  public Tensor value(String name) {
    return Torch.scope(
        () -> {
          Place place = matrices.get(name);
          if (place != null) {
            return place.inputMatrix(ScalarType.Float);
          }
          Tensor value = changed(name, places.size(), ScalarType.Float);
          LearnedClip clip = clip(name);
          return clip == null ? value : clip.quantize(value);
        });
  }

  private LearnedClip clip(String parameter) {
    return parameter.endsWith(".weight")
        ? clips.get(parameter.substring(0, parameter.length() - ".weight".length()))
        : null;
  }

  /** A parameter as the first {@code count} places leave it. */
  private Tensor changed(String parameter, int count, ScalarType type) {
    Tensor value = raw(parameter, type);
    for (int i = 0; i < count; i++) {
      if (places.get(i).parameters().contains(parameter)) {
        int before = i;
        value = places.get(i).map(parameter, value, other -> changed(other, before, type));
      }
    }
    return value;
  }

  private Tensor raw(String parameter, ScalarType type) {
    return block.parameter(parameter).detach().to(type);
  }

  /** The parameters that places change, in fp64 arithmetic as fp32; the holder closes them. */
  Map<String, Tensor> folded() {
    Map<String, Tensor> out = new LinkedHashMap<>();
    Set<String> changed = new LinkedHashSet<>();
    places.forEach(place -> changed.addAll(place.parameters()));
    for (String name : changed) {
      out.put(
          name,
          Torch.owned(
              () -> changed(name, places.size(), ScalarType.Double).to(ScalarType.Float).clone()));
    }
    return out;
  }

  /** The input matrices by site, in fp64 arithmetic as fp32; the holder closes them. */
  Map<String, Tensor> matrices() {
    Map<String, Tensor> out = new LinkedHashMap<>();
    for (Place place : places) {
      for (String site : place.inputSites()) {
        out.put(
            site,
            Torch.owned(
                () ->
                    place
                        .inputMatrix(ScalarType.Double)
                        .to(ScalarType.Float)
                        .contiguous()
                        .clone()));
      }
    }
    return out;
  }

  /** The places. */
  List<Place> places() {
    return places;
  }

  @Override
  public void begin(int epoch, int epochs) {
    places.forEach(place -> place.begin(epoch, epochs));
  }

  @Override
  public void project() {
    places.forEach(Place::project);
  }

  @Override
  public void close() {
    places.forEach(Place::close);
    clips.values().forEach(LearnedClip::close);
  }
}

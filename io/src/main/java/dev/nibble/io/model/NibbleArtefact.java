package dev.nibble.io.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.file.AtomicFile;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import dev.nibble.io.safetensors.SafetensorsFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.Set;

/**
 * A model that Nibble wrote: a directory.
 *
 * <pre>
 * nibble.json        { "version": 1,
 *                      "config": every component of ModelConfig in snake_case,
 *                      "site_ops": { site: { "transforms": [...], "input": {...} } },
 *                      "provenance": free-form object: recipe, calibration, versions, results }
 * model.safetensors  tensors under canonical names, packed as {@link PackedFile} says
 * config.json, tokenizer.json, ...   copied from the source as they were; of a GGUF source
 *                    tokenizer.gguf instead, a GGUF file with its tokenizer keys and no tensors
 * </pre>
 *
 * <p>Readers take every version from {@value #VERSION_START} to {@value #VERSION_CURRENT}.
 */
public final class NibbleArtefact {
  /** File that makes a directory an artefact. */
  public static final String MANIFEST = "nibble.json";

  /** File of the tensors. */
  public static final String WEIGHTS = "model.safetensors";

  /** Oldest version that is read. */
  public static final int VERSION_START = 1;

  /** Version that is written. */
  public static final int VERSION_CURRENT = 1;

  private static final long MAX_MANIFEST_BYTES = 256 << 20;

  private NibbleArtefact() {}

  /**
   * Content of {@code nibble.json}.
   *
   * @param version layout version
   * @param config architecture
   * @param siteOps run-time operators by canonical site; sites not listed are plain
   * @param provenance how the artefact came to be; an object
   */
  public record Manifest(
      int version, ModelConfig config, Map<String, SiteOps> siteOps, JsonNode provenance) {
    /** Copies the map. */
    public Manifest {
      siteOps = Map.copyOf(siteOps);
    }

    /** A manifest of the current version. */
    public static Manifest of(
        ModelConfig config, Map<String, SiteOps> siteOps, JsonNode provenance) {
      return new Manifest(VERSION_CURRENT, config, siteOps, provenance);
    }
  }

  /**
   * Reads {@code nibble.json}.
   *
   * @throws ModelFormatException naming the field that is missing or wrong
   */
  public static Manifest readManifest(Path directory) {
    JsonFields json = StrictJson.readObject(directory.resolve(MANIFEST), MAX_MANIFEST_BYTES);
    int version = json.integer("version", 0, Integer.MAX_VALUE);
    if (version < VERSION_START || version > VERSION_CURRENT) {
      throw json.problem(
          "version",
          version
              + " is not readable here, only "
              + VERSION_START
              + " to "
              + VERSION_CURRENT
              + "; use a newer version of Nibble");
    }
    return new Manifest(
        version,
        ConfigJson.read(json.object("config")),
        SiteOpsJson.read(json.object("site_ops")),
        json.object("provenance").node());
  }

  /** Writes {@code nibble.json} atomically; the same manifest gives the same bytes. */
  public static void writeManifest(Path directory, Manifest manifest) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("version", manifest.version());
    root.set("config", ConfigJson.write(manifest.config()));
    root.set("site_ops", SiteOpsJson.write(manifest.siteOps()));
    root.set("provenance", manifest.provenance());
    AtomicFile.write(directory.resolve(MANIFEST), StrictJson.pretty(root));
  }

  /**
   * Opens the weights of an artefact; every tensor of the architecture must be there in the right
   * shape.
   *
   * @throws ModelFormatException when a file is damaged or contradicts the manifest
   */
  static ModelWeights open(Path directory) {
    Manifest manifest = readManifest(directory);
    SafetensorsFile file = SafetensorsFile.open(directory.resolve(WEIGHTS));
    try {
      return new Weights(manifest, file);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  /** Tensors of an opened artefact. */
  private static final class Weights implements ModelWeights {
    private final Manifest manifest;
    private final SafetensorsFile file;
    private final Map<String, PackedTensor> tensors;

    Weights(Manifest manifest, SafetensorsFile file) {
      this.manifest = manifest;
      this.file = file;
      this.tensors = PackedFile.readAll(file);
      if (manifest.config().layers() > tensors.size()) {
        throw new ModelFormatException(
            file.path(), "", "fewer tensors than layers in " + MANIFEST + "; it is incomplete");
      }
      TensorLayout.all(manifest.config()).forEach(this::check);
      SiteOpsCheck.check(
          file.path().resolveSibling(MANIFEST), manifest.config(), manifest.siteOps());
    }

    private void check(String name, long[] shape) {
      PackedTensor found = tensor(name);
      if (!Arrays.equals(found.shape(), shape)) {
        throw new ModelFormatException(
            file.path(),
            name,
            "shape "
                + Arrays.toString(found.shape())
                + " was found where "
                + MANIFEST
                + " says "
                + Arrays.toString(shape));
      }
    }

    @Override
    public ModelConfig config() {
      return manifest.config();
    }

    @Override
    public Set<String> names() {
      return Collections.unmodifiableSet(tensors.keySet());
    }

    @Override
    public PackedTensor tensor(String name) {
      PackedTensor found = tensors.get(name);
      if (found == null) {
        throw new ModelFormatException(
            file.path(), JsonFields.shown(name), "the tensor is missing; the model is incomplete");
      }
      return found;
    }

    @Override
    public Map<String, SiteOps> siteOps() {
      return manifest.siteOps();
    }

    @Override
    public void close() {
      file.close();
    }
  }
}

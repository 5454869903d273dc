package dev.nibble.models;

import dev.nibble.core.model.Mlp;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.TensorNames;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Sites, stages and couplings of a block, derived from the configuration alone.
 *
 * @param sites quantizable places in execution order
 * @param stages linear sites by shared input
 * @param couplings what may be rewritten together
 */
record BlockStructure(List<Site> sites, List<Stage> stages, List<Coupling> couplings) {

  /** The embedding, and its projection to the hidden width if there is one. */
  static BlockStructure embedding(ModelConfig config) {
    Site table =
        new Site(
            TensorNames.EMBEDDING, Site.Kind.EMBEDDING, config.vocabSize(), config.embeddingSize());
    if (config.embeddingSize() == config.hiddenSize()) {
      return new BlockStructure(List.of(table), List.of(), List.of());
    }
    Site project = linear(TensorNames.PROJECT_IN, config.hiddenSize(), config.embeddingSize());
    return new BlockStructure(
        List.of(table, project), List.of(new Stage("project_in", List.of(project))), List.of());
  }

  /** A decoder block. */
  static BlockStructure layer(ModelConfig config, int index) {
    int hidden = config.hiddenSize();
    Site q = linear(TensorNames.layer(index, TensorNames.Q), config.qSize(), hidden);
    Site k = linear(TensorNames.layer(index, TensorNames.K), config.kvSize(), hidden);
    Site v = linear(TensorNames.layer(index, TensorNames.V), config.kvSize(), hidden);
    Site o = linear(TensorNames.layer(index, TensorNames.O), hidden, config.qSize());
    Stage qkv = new Stage("qkv", List.of(q, k, v));
    List<Stage> stages = new ArrayList<>(List.of(qkv, new Stage("o", List.of(o))));
    List<String> fromNorm = new ArrayList<>();
    List<Mlp> mlps = Mlp.of(config, index);
    routers(config, index).ifPresent(stages::add);
    mlps.forEach(mlp -> stages.add(inner(config, mlp)));
    stages.subList(2, stages.size()).forEach(stage -> fromNorm.addAll(names(stage)));
    for (Mlp mlp : mlps) {
      stages.add(new Stage("down", List.of(linear(mlp.down(), hidden, mlp.size()))));
    }
    List<Site> sites = stages.stream().flatMap(s -> s.sites().stream()).toList();
    return new BlockStructure(sites, stages, couplings(config, index, qkv, fromNorm));
  }

  /** The router, and what gates the shared expert: they read what the experts read. */
  private static Optional<Stage> routers(ModelConfig config, int index) {
    MoeConfig moe = config.moe();
    if (!moe.at(index)) {
      return Optional.empty();
    }
    List<Site> sites = new ArrayList<>();
    sites.add(router(TensorNames.layer(index, TensorNames.ROUTER), moe.experts(), config));
    if (moe.sharedGate()) {
      sites.add(router(TensorNames.layer(index, TensorNames.SHARED_GATE), 1, config));
    }
    return Optional.of(new Stage("router", sites));
  }

  /** What reads the normed residual stream in a feed-forward network. */
  private static Stage inner(ModelConfig config, Mlp mlp) {
    Site up = linear(mlp.up(), mlp.size(), config.hiddenSize());
    return config.gated()
        ? new Stage("gate_up", List.of(linear(mlp.gate(), mlp.size(), config.hiddenSize()), up))
        : new Stage("up", List.of(up));
  }

  private static List<Coupling> couplings(
      ModelConfig config, int index, Stage qkv, List<String> ups) {
    List<Coupling> out = new ArrayList<>();
    int hidden = config.hiddenSize();
    String first = TensorNames.layer(index, TensorNames.INPUT_NORM);
    String second = TensorNames.layer(index, TensorNames.POST_NORM);
    switch (config.residual()) {
      case SEQUENTIAL, SANDWICH, PARALLEL -> {
        out.add(normed(first, names(qkv), hidden));
        out.add(normed(second, ups, hidden));
      }
      case PARALLEL_SHARED_NORM ->
          out.add(normed(first, Stream.concat(names(qkv).stream(), ups.stream()).toList(), hidden));
      case POST_NORM -> {} // the norms' outputs are the residual stream itself
    }
    out.add(
        new Coupling(
            Coupling.Kind.VALUE_TO_OUTPUT,
            TensorNames.layer(index, TensorNames.V),
            List.of(TensorNames.layer(index, TensorNames.O)),
            config.kvSize(),
            config.heads() / config.kvHeads(),
            config.headDim()));
    boolean relu = config.activation() == ModelConfig.Activation.RELU;
    if (config.gated() || relu) {
      Coupling.Kind kind =
          config.gated() ? Coupling.Kind.UP_TO_DOWN : Coupling.Kind.LINEAR_RELU_LINEAR;
      Mlp.of(config, index)
          .forEach(
              mlp -> out.add(new Coupling(kind, mlp.up(), List.of(mlp.down()), mlp.size(), 1, 0)));
    }
    return List.copyOf(out);
  }

  /** The head. Its norm coupling changes the head's weight, so a tied head must be untied first. */
  static BlockStructure head(ModelConfig config) {
    if (config.encoder().present()) {
      return encoderHead(config);
    }
    List<Site> sites = new ArrayList<>();
    if (config.embeddingSize() != config.hiddenSize()) {
      sites.add(linear(TensorNames.PROJECT_OUT, config.embeddingSize(), config.hiddenSize()));
    }
    sites.add(linear(TensorNames.HEAD, config.vocabSize(), config.embeddingSize()));
    List<Stage> stages = single(sites);
    List<Coupling> couplings =
        config.finalNorm()
            ? List.of(
                normed(
                    TensorNames.FINAL_NORM, List.of(sites.getFirst().name()), config.hiddenSize()))
            : List.of();
    return new BlockStructure(sites, stages, couplings);
  }

  private static BlockStructure encoderHead(ModelConfig config) {
    int hidden = config.hiddenSize();
    int width = config.embeddingSize();
    List<Site> sites =
        switch (config.encoder().head()) {
          case NONE -> List.of();
          case MASKED_LM ->
              List.of(
                  linear(TensorNames.HEAD_DENSE, width, hidden),
                  linear(TensorNames.HEAD, config.vocabSize(), width));
          case CLASSIFIER ->
              List.of(
                  linear(TensorNames.HEAD_DENSE, hidden, hidden),
                  linear(TensorNames.CLASSIFIER, config.encoder().labels(), hidden));
        };
    return new BlockStructure(sites, single(sites), List.of());
  }

  /** A stage for each site. */
  private static List<Stage> single(List<Site> sites) {
    return sites.stream()
        .map(s -> new Stage(s.name().substring(s.name().indexOf('.') + 1), List.of(s)))
        .toList();
  }

  private static Coupling normed(String norm, List<String> readers, int width) {
    return new Coupling(Coupling.Kind.NORM_TO_LINEARS, norm, readers, width, 1, 0);
  }

  private static List<String> names(Stage stage) {
    return stage.sites().stream().map(Site::name).toList();
  }

  private static Site router(String name, int outputs, ModelConfig config) {
    return new Site(name, Site.Kind.ROUTER, outputs, config.hiddenSize());
  }

  private static Site linear(String name, int outputs, int inputs) {
    return new Site(name, Site.Kind.LINEAR, outputs, inputs);
  }
}

package dev.nibble.io.gguf;

import dev.nibble.core.model.ModelConfig.Activation;
import dev.nibble.core.model.ModelConfig.Norm;
import dev.nibble.core.model.ModelConfig.Positions;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** Architectures of {@code general.architecture} that Nibble reads and writes. */
enum GgufFamily {
  LLAMA("llama", Norm.RMS, Activation.SILU, Positions.ROPE),
  QWEN2("qwen2", Norm.RMS, Activation.SILU, Positions.ROPE),
  QWEN3("qwen3", Norm.RMS, Activation.SILU, Positions.ROPE),
  GEMMA2("gemma2", Norm.RMS, Activation.GELU_TANH, Positions.ROPE),
  GEMMA3("gemma3", Norm.RMS, Activation.GELU_TANH, Positions.ROPE),
  QWEN2MOE("qwen2moe", Norm.RMS, Activation.SILU, Positions.ROPE),
  QWEN3MOE("qwen3moe", Norm.RMS, Activation.SILU, Positions.ROPE),
  DEEPSEEK("deepseek", Norm.RMS, Activation.SILU, Positions.ROPE),
  GPT2("gpt2", Norm.LAYER, Activation.GELU_TANH, Positions.LEARNED),
  GPTNEOX("gptneox", Norm.LAYER, Activation.GELU, Positions.ROPE),
  FALCON("falcon", Norm.LAYER, Activation.GELU, Positions.ROPE),
  BLOOM("bloom", Norm.LAYER, Activation.GELU_TANH, Positions.ALIBI);

  private final String architecture;
  private final Norm norm;
  private final Activation activation;
  private final Positions positions;

  GgufFamily(String architecture, Norm norm, Activation activation, Positions positions) {
    this.architecture = architecture;
    this.norm = norm;
    this.activation = activation;
    this.positions = positions;
  }

  /** Value of {@code general.architecture} and prefix of the metadata keys. */
  String architecture() {
    return architecture;
  }

  /** Name of the family in a {@code ModelConfig}; Llama files with experts are Mixtral. */
  String familyName() {
    return switch (this) {
      case GPTNEOX -> "gpt_neox";
      case GEMMA3 -> "gemma3_text";
      case QWEN2MOE -> "qwen2_moe";
      case QWEN3MOE -> "qwen3_moe";
      default -> name().toLowerCase(Locale.ROOT);
    };
  }

  Norm norm() {
    return norm;
  }

  Activation activation() {
    return activation;
  }

  Positions positions() {
    return positions;
  }

  /** True for {@code down(act(gate(x)) * up(x))}. */
  boolean gated() {
    return norm == Norm.RMS;
  }

  /** True for norms behind attention and MLP, scaled embeddings and windows in most layers. */
  boolean isGemma() {
    return this == GEMMA2 || this == GEMMA3;
  }

  /** True for norms on queries and keys. */
  boolean qkNorm() {
    return this == QWEN3 || this == QWEN3MOE || this == GEMMA3;
  }

  /** True when q, k and v are one tensor. */
  boolean fusedQkv() {
    return norm == Norm.LAYER;
  }

  /** True when q and k rows are stored with rotary pairs adjacent. */
  boolean rotaryPairs() {
    return this == LLAMA || this == DEEPSEEK;
  }

  /** True when models of this kind can have experts. */
  boolean experts() {
    return this == LLAMA || this == QWEN2MOE || this == QWEN3MOE || this == DEEPSEEK;
  }

  /** True when its readers divide the chosen experts' weights by their sum. */
  boolean normalisesTopK() {
    return this == LLAMA || this == QWEN3MOE;
  }

  /** The architecture of that GGUF name. */
  static Optional<GgufFamily> ofArchitecture(String architecture) {
    return Arrays.stream(values()).filter(f -> f.architecture.equals(architecture)).findFirst();
  }

  /** The architecture that carries a {@code ModelConfig} family; Mistral, Mixtral go as Llama. */
  static Optional<GgufFamily> ofFamily(String family) {
    boolean llama = family.equals("mistral") || family.equals("mixtral");
    String name = llama ? "llama" : family;
    return Arrays.stream(values()).filter(f -> f.familyName().equals(name)).findFirst();
  }

  /** All names, for messages. */
  static String supported() {
    return Arrays.stream(values()).map(f -> f.architecture).collect(Collectors.joining(", "));
  }
}

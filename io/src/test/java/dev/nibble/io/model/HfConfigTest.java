package dev.nibble.io.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.RopeConfig.Scaling;
import dev.nibble.io.json.StrictJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HfConfigTest {
  private static final String LLAMA =
      "'model_type':'llama','vocab_size':100,'hidden_size':64,'num_hidden_layers':2,"
          + "'num_attention_heads':4,'intermediate_size':96";

  @TempDir Path directory;

  private ModelConfig read(String fields) {
    String json = "{" + fields.replace('\'', '"') + "}";
    byte[] text = json.getBytes(StandardCharsets.UTF_8);
    return HfConfig.read(StrictJson.object(directory.resolve("config.json"), "", text)).config();
  }

  @Test
  void absentFieldsHaveTheDefaultsOfTheirFamily() {
    ModelConfig c = read(LLAMA);
    assertThat(c.kvHeads()).isEqualTo(4);
    assertThat(c.headDim()).isEqualTo(16);
    assertThat(c.normEps()).isEqualTo(1e-6);
    assertThat(c.rope().theta()).isEqualTo(10000);
    assertThat(c.tiedHead()).isFalse();
    assertThat(c.bosId()).isEqualTo(-1);
    assertThat(c.eosIds()).isEmpty();
    assertThat(read(LLAMA.replace("llama", "mistral")).slidingWindow()).isEqualTo(4096);
    assertThat(read(LLAMA.replace("llama", "mistral") + ",'sliding_window':null").slidingWindow())
        .isZero();
    assertThat(read(LLAMA.replace("llama", "qwen3")).headDim()).isEqualTo(128);
    assertThat(read(LLAMA.replace("llama", "gpt_neox")).rope().dim()).isEqualTo(4);
  }

  @Test
  void bothSpellingsOfTheRotaryParametersAreRead() {
    String rule =
        "'factor':8.0,'low_freq_factor':1.0,'high_freq_factor':4.0,"
            + "'original_max_position_embeddings':512";
    ModelConfig old =
        read(LLAMA + ",'rope_theta':5e5,'rope_scaling':{'type':'llama3'," + rule + "}");
    ModelConfig now =
        read(LLAMA + ",'rope_parameters':{'rope_theta':5e5,'rope_type':'llama3'," + rule + "}");
    assertThat(old.rope()).usingRecursiveComparison().isEqualTo(now.rope());
    assertThat(now.rope().scaling()).isEqualTo(Scaling.LLAMA3);
    assertThat(now.rope().theta()).isEqualTo(5e5);
    assertThat(now.rope().originalMaxPositions()).isEqualTo(512);
    assertThat(read(LLAMA + ",'rope_scaling':{'type':'default'}").rope().scaling())
        .isEqualTo(Scaling.NONE);
    assertThat(read(LLAMA + ",'partial_rotary_factor':0.5").rope().dim()).isEqualTo(8);
    ModelConfig yarn =
        read(
            LLAMA
                + ",'max_position_embeddings':4096,'rope_scaling':{'rope_type':'yarn',"
                + "'original_max_position_embeddings':1024}");
    assertThat(yarn.rope().factor()).isEqualTo(4);
  }

  @Test
  void falconsOfAllKindsAreToldApart() {
    String falcon =
        "'model_type':'falcon','vocab_size':100,'hidden_size':64,'n_layer':2,'n_head':4";
    ModelConfig seven = read(falcon + ",'multi_query':true,'parallel_attn':true");
    assertThat(seven.kvHeads()).isEqualTo(1);
    assertThat(seven.residual()).isEqualTo(Residual.PARALLEL_SHARED_NORM);
    ModelConfig forty = read(falcon + ",'new_decoder_architecture':true,'n_head_kv':2");
    assertThat(forty.kvHeads()).isEqualTo(2);
    assertThat(forty.residual()).isEqualTo(Residual.PARALLEL);
    ModelConfig eleven =
        read(falcon + ",'new_decoder_architecture':true,'num_ln_in_parallel_attn':1");
    assertThat(eleven.residual()).isEqualTo(Residual.PARALLEL_SHARED_NORM);
    ModelConfig rw = read(falcon + ",'multi_query':false,'parallel_attn':false,'alibi':true");
    assertThat(rw.kvHeads()).isEqualTo(4);
    assertThat(rw.residual()).isEqualTo(Residual.SEQUENTIAL);
    assertThat(rw.positions()).isEqualTo(ModelConfig.Positions.ALIBI);
  }

  @Test
  void windowsOfQwenAreAllOrNone() {
    String qwen = LLAMA.replace("llama", "qwen2") + ",'sliding_window':7,'use_sliding_window':";
    assertThat(read(qwen + "false").slidingWindow()).isZero();
    assertThat(read(qwen + "true,'max_window_layers':0").slidingWindow()).isEqualTo(7);
    assertThat(read(qwen + "true,'max_window_layers':2").slidingWindow()).isZero();
    assertThatThrownBy(() -> read(qwen + "true,'max_window_layers':1"))
        .hasMessageContaining("1 of 2 layers have a sliding window");
  }

  @Test
  void endTokensComeFromBothFiles() throws IOException {
    Files.writeString(
        directory.resolve("generation_config.json"), "{\"eos_token_id\":[7,9],\"x\":{}}");
    assertThat(read(LLAMA + ",'eos_token_id':7").eosIds()).containsExactly(7, 9);
    assertThat(read(LLAMA + ",'eos_token_id':[3,4],'bos_token_id':1").eosIds())
        .containsExactly(3, 4, 7, 9);
    Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\":\"x\"}");
    assertThatThrownBy(() -> read(LLAMA))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("generation_config.json [eos_token_id]");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      textBlock =
          """
          'hidden_size':64                       | 'hidden_size':-64             | [hidden_size]
          'hidden_size':64                       | 'hidden_size':1e300           | [hidden_size]
          'hidden_size':64                       | 'hidden_size':'64'            | [hidden_size]
          'hidden_size':64                       | 'hidden_size':64.5            | [hidden_size]
          'hidden_size':64                       | 'hidden_size':null            | [hidden_size]: the field is missing
          'hidden_size':64                       | 'hidden_size':true            | [hidden_size]
          'hidden_size':64                       | 'hidden_size':NaN             | not the JSON it should be
          'hidden_size':64                       | 'hidden_size':66              | 4 heads do not divide
          'hidden_size':64                       | 'hidden_size':64,'hidden_size':64 | Duplicate field
          'num_hidden_layers':2                  | 'num_hidden_layers':1000000   | [num_hidden_layers]
          'num_hidden_layers':2                  | 'num_hidden_layers':0         | [num_hidden_layers]
          'num_attention_heads':4                | 'num_attention_heads':0       | [num_attention_heads]
          'num_attention_heads':4                | 'num_attention_heads':16777216,'head_dim':16777216 | [head_dim]
          'num_attention_heads':4                | 'num_attention_heads':4,'num_key_value_heads':3 | do not divide 4 heads
          'num_attention_heads':4                | 'num_attention_heads':4,'head_dim':7 | 7 rotary dimensions
          'num_attention_heads':4                | 'num_attention_heads':4,'rms_norm_eps':-1 | [rms_norm_eps]
          'num_attention_heads':4                | 'num_attention_heads':4,'hidden_act':'mish' | 'mish' is not supported
          'num_attention_heads':4                | 'num_attention_heads':4,'rope_theta':0 | [rope_theta]
          'num_attention_heads':4                | 'num_attention_heads':4,'rope_scaling':7 | [rope_scaling]
          'num_attention_heads':4                | 'num_attention_heads':4,'rope_scaling':{'type':'magic'} | [rope_scaling.type]: 'magic' is not supported
          'num_attention_heads':4                | 'num_attention_heads':4,'rope_scaling':{'type':'linear'} | [rope_scaling.factor]
          'num_attention_heads':4                | 'num_attention_heads':4,'rope_parameters':{'rope_type':'longrope','short_factor':[1],'long_factor':[1]} | [rope_parameters.short_factor]
          'num_attention_heads':4                | 'num_attention_heads':4,'eos_token_id':[-5] | [eos_token_id]
          'model_type':'llama'                   | 'model_type':'mamba'          | supported are llama, mistral, qwen2
          'model_type':'llama'                   | 'model_type':5                | [model_type]
          """)
  void hostileValuesNameTheField(String good, String bad, String message) {
    assertThatThrownBy(() -> read(LLAMA.replace(good, bad)))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("config.json")
        .hasMessageContaining(message);
  }

  @Test
  void unknownQuantizationIsRefusedWithItsName() {
    byte[] text =
        "{\"quantization_config\":{\"quant_method\":\"hqq\"}}".getBytes(StandardCharsets.UTF_8);
    assertThatThrownBy(
            () ->
                WeightLayout.find(
                    StrictJson.object(directory.resolve("config.json"), "", text), null))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("'hqq' is not supported");
  }
}

package dev.nibble.core.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.format.FloatFormat;
import dev.nibble.core.format.IntFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuantSpecTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "int4:g128:asym",
        "int8:channel:sym",
        "int1:g64:asym",
        "int3:g32:sym:bf16",
        "int8:tensor:asym:fp32",
        "int5:g32:sym:e8m0",
        "nf4:g64",
        "nf3:channel:fp32",
        "fp6-e2m3:g16:e4m3",
        "pow2-4:g64",
        "sqrt2-5:channel",
        "log4-1.5:g64",
        "ternary:g64:bf16",
        "binary:g128",
        "nvfp4",
        "mxint8",
        "fp8-e4m3:channel",
        "mxfp4",
        "mxfp6-e2m3",
        "mxfp6-e3m2",
        "mxfp8-e4m3",
        "mxfp8-e5m2"
      })
  void canonicalTextReadsBack(String text) {
    assertThat(QuantSpec.parse(text).text()).isEqualTo(text);
    assertThat(QuantSpec.parse(QuantSpec.parse(text).text())).isEqualTo(QuantSpec.parse(text));
  }

  @ParameterizedTest
  @CsvSource({
    "int4,int4:channel:asym",
    "int8,int8:channel:sym",
    "INT4:sym:G64,int4:g64:sym",
    "int4:fp16:g32,int4:g32:asym",
    "fp4:g32:e8m0,mxfp4",
    "fp4:g16:e4m3,nvfp4",
    "log3-2:g8,log3-2.0:g8",
    "nf4:sym:g64,nf4:g64"
  })
  void shortFormsHaveDefaults(String text, String canonical) {
    assertThat(QuantSpec.parse(text).text()).isEqualTo(canonical);
  }

  @ParameterizedTest
  @CsvSource({
    "int9:g128,not a number format",
    "int4:128,is not understood",
    "int4:g0,is not understood",
    "int4:g32:g64,says a thing twice",
    "int4:sym:asym,says a thing twice",
    "int4:token,belong to activations",
    "nf4:g64:asym,has no zero-point",
    "nf4:tensor,per channel or group",
    "nf4:g64:dq,cannot be stored",
    "int1:g32:sym,no symmetric grid",
    "uint4:g32,write int4 with :asym",
    "int4:channel:e8m0,go with blocks",
    "int4:g16:e4m3,a scale of the tensor",
    "binary:g32:e8m0,can be 0",
    "log8-16:g32,too small",
    "log4-1:g32,a base above 1",
    "fp8-e2m3:g32,not a number format",
    "mxfp4:g64,takes no further parts",
    "'',not a number format"
  })
  void refusalsNameThePartAndTheRemedy(String text, String says) {
    assertThatThrownBy(() -> QuantSpec.parse(text))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("\"" + text + "\"")
        .hasMessageContaining(says);
  }

  @Test
  void bytesOfTheSheetsExamples() {
    // W4g128 with fp16 scale and 4-bit zero: 4.156 bits; W3g128: 3.148; W2g64: 2.281; sym: 4.125
    assertThat(bits("int4:g128:asym")).isEqualTo(4 + 20 / 128.0);
    assertThat(bits("int3:g128:asym")).isEqualTo(3 + 19 / 128.0);
    assertThat(bits("int2:g64:asym")).isEqualTo(2 + 18 / 64.0);
    assertThat(bits("int4:g128:sym")).isEqualTo(4.125);
    assertThat(bits("mxfp4") - 8.0 * 16 * 4 / (64 * 4096)).isEqualTo(4.25);
    assertThat(QuantSpec.parse("int4:g128:asym").groups(300)).isEqualTo(3);
    assertThat(QuantSpec.parse("int4:tensor").packedBytes(7, 9)).isEqualTo(7 * 8 + 2 + 4);
  }

  private static double bits(String spec) {
    return 8.0 * QuantSpec.parse(spec).packedBytes(64, 4096) / (64 * 4096);
  }

  @Test
  void formatsAreEqualByValue() {
    assertThat(new IntFormat(4, true)).isEqualTo(new IntFormat(4, true));
    assertThat(new IntFormat(4, true)).isNotEqualTo(new IntFormat(4, false));
    assertThat(new FloatFormat(2, 1).highest()).isEqualTo(6f);
  }
}

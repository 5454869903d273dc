package dev.nibble.io.token;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Policies, older file kinds and round trips. */
class TokenizerTest {
  @TempDir private Path directory;

  private void write(String name, String text) throws IOException {
    Files.writeString(directory.resolve(name), text);
  }

  private static Path kind(String name) {
    try {
      return Path.of(TokenizerTest.class.getResource("kinds/" + name + ".json").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Tokenizer read(String kind) throws IOException {
    Path directory = Files.createTempDirectory("tokenizer");
    try {
      Files.copy(kind(kind), directory.resolve("tokenizer.json"));
      return Tokenizer.fromDirectory(directory);
    } finally {
      Files.deleteIfExists(directory.resolve("tokenizer.json"));
      Files.delete(directory);
    }
  }

  @Property(tries = 300)
  void byteLevelKeepsEveryText(@ForAll @StringLength(max = 60) String text) throws IOException {
    Tokenizer tokenizer = Lossless.LLAMA3;
    String clean = Characters.wellFormed(text);
    assertThat(tokenizer.decode(tokenizer.encode(text, true), true)).isEqualTo(clean);
  }

  @Property(tries = 300)
  void byteFallbackKeepsEveryText(@ForAll @StringLength(max = 60) String text) throws IOException {
    Tokenizer tokenizer = Lossless.GEMMA;
    // The stand-in for a space reads back as a space.
    String clean = Characters.wellFormed(text).replace('▁', ' ');
    assertThat(tokenizer.decode(tokenizer.encode(text, true), true)).isEqualTo(clean);
  }

  /** Read once for all tries. */
  private static final class Lossless {
    static final Tokenizer LLAMA3 = unchecked("llama3");
    static final Tokenizer GEMMA = unchecked("gemma");

    private Lossless() {}

    private static Tokenizer unchecked(String kind) {
      try {
        return read(kind);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @Test
  void settingsNameBeginAndEnd() throws IOException {
    Files.copy(kind("llama2"), directory.resolve("tokenizer.json"));
    Tokenizer bare = Tokenizer.fromDirectory(directory);
    assertThat(bare.bosId()).isEqualTo(0);
    assertThat(bare.eosIds()).isEmpty();
    write("tokenizer_config.json", "{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\"}}");
    Tokenizer named = Tokenizer.fromDirectory(directory);
    assertThat(named.bosId()).isEqualTo(0);
    assertThat(named.eosIds()).isEqualTo(Set.of(1));
    assertThat(named.isSpecial(0)).isTrue();
    assertThat(named.isSpecial(named.idOf("▁the").orElseThrow())).isFalse();
    assertThat(named.token(1)).isEqualTo("</s>");
    assertThat(named.idOf("no such token")).isEmpty();
  }

  @Test
  void llamaClassesObeyTheFlags() throws IOException {
    Files.copy(kind("llama2"), directory.resolve("tokenizer.json"));
    String config =
        "{\"tokenizer_class\":\"LlamaTokenizer\",\"bos_token\":\"<s>\",\"eos_token\":\"</s>\","
            + "\"add_bos_token\":false,\"add_eos_token\":true}";
    write("tokenizer_config.json", config);
    int[] ids = Tokenizer.fromDirectory(directory).encode("the", true);
    assertThat(ids[0]).isNotZero();
    assertThat(ids[ids.length - 1]).isEqualTo(1);
  }

  @Test
  void gpt2sOwnFiles() throws IOException {
    StringBuilder vocab = new StringBuilder("{");
    for (int b = 0; b < 256; b++) {
      String c = ByteAlphabet.encode(b < 128 ? String.valueOf((char) b) : "");
      if (!c.isEmpty()) {
        String quoted = c.equals("\"") || c.equals("\\") ? "\\" + c : c;
        vocab.append('"').append(quoted).append("\":").append(b).append(',');
      }
    }
    vocab.append("\"Ġt\":200,\"he\":201,\"Ġthe\":202,\"<|endoftext|>\":203}");
    write("vocab.json", vocab.toString());
    write("merges.txt", "#version: 0.2\nĠ t\nh e\nĠt he\n");
    write("tokenizer_config.json", "{\"eos_token\":\"<|endoftext|>\"}");
    Tokenizer tokenizer = Tokenizer.fromDirectory(directory);
    assertThat(tokenizer.encode("the the<|endoftext|>", true)).containsExactly('t', 201, 202, 203);
    assertThat(tokenizer.decode(new int[] {202, 203, 'x'}, true)).isEqualTo(" thex");
    assertThat(tokenizer.eosIds()).containsExactly(203);
  }

  @Test
  void bertsOwnWordList() throws IOException {
    write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nplay\n##ing\n##ed\n!\n");
    Tokenizer tokenizer = Tokenizer.fromDirectory(directory);
    assertThat(tokenizer.encode("Playing, PLAYED!", true)).containsExactly(2, 4, 5, 1, 4, 6, 7, 3);
    assertThat(tokenizer.decode(new int[] {2, 4, 5, 4, 6, 7, 3}, true))
        .isEqualTo("playing played!");
  }

  @Test
  void aMissingTokenizerIsNamed() throws IOException {
    assertThatThrownBy(() -> Tokenizer.fromDirectory(directory))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("has no tokenizer");
    write("tokenizer.model", "x");
    assertThatThrownBy(() -> Tokenizer.fromDirectory(directory))
        .hasMessageContaining("convert its tokenizer.model");
  }

  @Test
  void idsOutsideAreRefused() throws IOException {
    Tokenizer tokenizer = read("gpt2");
    for (int id : new int[] {-1, tokenizer.vocabSize(), Integer.MAX_VALUE}) {
      assertThatThrownBy(() -> tokenizer.decode(new int[] {id}, true))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("token id " + id);
    }
  }
}

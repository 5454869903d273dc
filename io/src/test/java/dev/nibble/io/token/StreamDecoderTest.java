package dev.nibble.io.token;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Text that arrives token by token is the text of the whole, cut between characters. */
class StreamDecoderTest {
  @TempDir private Path directory;

  private Tokenizer tokenizer(String kind) throws IOException, URISyntaxException {
    Path file = Path.of(StreamDecoderTest.class.getResource("kinds/" + kind + ".json").toURI());
    Files.copy(file, directory.resolve("tokenizer.json"));
    return Tokenizer.fromDirectory(directory);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gpt2",
        "llama3",
        "llama2",
        "llama2-metaspace",
        "gemma",
        "unigram",
        "unigram-bytes",
        "metaspace-never",
        "bert-cased",
        "bert-uncased"
      })
  void piecesJoinToTheWhole(String kind) throws IOException, URISyntaxException {
    Tokenizer tokenizer = tokenizer(kind);
    for (String text : Texts.many(150)) {
      int[] ids = tokenizer.encode(text, true);
      String whole = tokenizer.decode(ids, true);
      if (whole.indexOf('\ufffd') >= 0) {
        continue;
      }
      StreamDecoder decoder = tokenizer.streamDecoder();
      StringBuilder joined = new StringBuilder();
      for (int id : ids) {
        String piece = decoder.next(id);
        assertThat(Characters.wellFormed(piece)).isEqualTo(piece).doesNotContain("\ufffd");
        joined.append(piece);
      }
      joined.append(decoder.finish());
      assertThat(joined.toString()).as("pieces of '%s'", text).isEqualTo(whole);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama2", "bert-cased"})
  void anyIdsStreamWithoutHoldingBackForEver(String kind) throws IOException, URISyntaxException {
    Tokenizer tokenizer = tokenizer(kind);
    Random random = new Random(7);
    StreamDecoder decoder = tokenizer.streamDecoder();
    int silent = 0;
    for (int i = 0; i < 3000; i++) {
      int id = random.nextInt(tokenizer.vocabSize());
      silent = decoder.next(id).isEmpty() && !tokenizer.isSpecial(id) ? silent + 1 : 0;
      assertThat(silent).isLessThan(20);
    }
  }

  @Test
  void halfACharacterWaits() throws IOException, URISyntaxException {
    Tokenizer tokenizer = tokenizer("llama2");
    StreamDecoder decoder = tokenizer.streamDecoder();
    assertThat(decoder.next(tokenizer.idOf("<0xF0>").orElseThrow())).isEmpty();
    assertThat(decoder.next(tokenizer.idOf("<0x9F>").orElseThrow())).isEmpty();
    assertThat(decoder.next(tokenizer.idOf("<0xA6>").orElseThrow())).isEmpty();
    assertThat(decoder.next(tokenizer.idOf("<0x99>").orElseThrow())).isEqualTo("🦙");
    assertThat(decoder.next(tokenizer.idOf("<0xF0>").orElseThrow())).isEmpty();
    assertThat(decoder.finish()).isEqualTo("\ufffd");
    assertThat(decoder.finish()).isEmpty();
  }

  @Test
  void specialTokensAreSilentAndDoNotMoveSpaces() throws IOException, URISyntaxException {
    Tokenizer tokenizer = tokenizer("llama2");
    StreamDecoder decoder = tokenizer.streamDecoder();
    StringBuilder text = new StringBuilder();
    for (String token : new String[] {"<s>", "▁the", "</s>", "▁the", "<s>"}) {
      text.append(decoder.next(tokenizer.idOf(token).orElseThrow()));
    }
    assertThat(text.toString()).isEqualTo("the the");
  }
}

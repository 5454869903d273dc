package dev.nibble.io.token.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.io.token.ChatTemplate;
import dev.nibble.io.token.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BpeTrainerTest {
  private static final List<String> SPECIALS = List.of("<|endoftext|>", "<|user|>");
  private static final String TEXT =
      "The cat sat on the mat. The other cat didn't sit; it ran 12 times around the café, "
          + "and then the cat slept.\n\nWhat a day! 😀 The end, says the cat.";

  @TempDir Path dir;

  private static ByteLevelBpe learn(int merges, String... texts) {
    BpeTrainer trainer = new BpeTrainer(SPECIALS.size() + 256 + merges, SPECIALS);
    for (String text : texts) {
      trainer.add(text, 1);
    }
    return trainer.train();
  }

  @Test
  void mergesTheMostFrequentPairFirst() {
    ByteLevelBpe bpe = learn(4, "low low low low low lower lower newest newest newest widest");
    List<String> learned = bpe.tokens().subList(SPECIALS.size() + 256, bpe.vocabSize());
    // "lo" and "ow" occur 7 times each; "lo" has the lower ids. Then "low" 7, " low" 6, "es" 4.
    assertThat(learned).containsExactly("lo", "low", "Ġlow", "es");
  }

  @Test
  void stopsWhenEveryPieceIsOneToken() {
    ByteLevelBpe bpe = learn(1000, "aaaa bbbb");
    assertThat(bpe.vocabSize()).isLessThan(SPECIALS.size() + 256 + 12);
    assertThat(bpe.encode("aaaa bbbb")).hasSize(2);
  }

  @Test
  void dependsOnCountsNotOnOrder() {
    ByteLevelBpe one = learn(60, TEXT, "some more text", "some more text");
    BpeTrainer other = new BpeTrainer(SPECIALS.size() + 256 + 60, SPECIALS);
    other.add("some more text", 2);
    other.add(TEXT, 1);
    assertThat(other.train().merges()).isEqualTo(one.merges());
  }

  @Test
  void mergesNeverCrossPieces() {
    for (String token : learn(200, TEXT.repeat(5)).tokens()) {
      assertThat(token.lastIndexOf('Ġ')).as(token).isLessThanOrEqualTo(0);
    }
  }

  @Test
  void refusesAVocabularyWithoutRoomForTheBytes() {
    assertThatThrownBy(() -> new BpeTrainer(200, SPECIALS))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("200")
        .hasMessageContaining("at least 258");
  }

  @Test
  void writtenFilesEncodeAsTheLearnedVocabularyDoes() throws IOException {
    ByteLevelBpe bpe = learn(150, TEXT);
    TokenizerFiles.write(dir, bpe, null, 512);
    Tokenizer read = Tokenizer.fromDirectory(dir);
    assertThat(read.vocabSize()).isEqualTo(bpe.vocabSize());
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < 200; i++) {
      StringBuilder text = new StringBuilder();
      for (int j = random.nextInt(30); j >= 0; j--) {
        int from = random.nextInt(TEXT.length() - 12);
        text.append(TEXT, from, from + random.nextInt(12));
        text.append(" ".repeat(random.nextInt(3))).append(random.nextInt(4) == 0 ? "\n" : "");
      }
      String sample = text.toString().replaceAll("[\\ud800-\\udfff]", "");
      int[] ids = bpe.encode(sample);
      assertThat(read.encode(sample, false)).as(sample).isEqualTo(ids);
      assertThat(read.decode(ids, true)).isEqualTo(sample);
    }
  }

  @Test
  void writtenFilesNameTheDocumentTokenAndTheTemplate() throws IOException {
    TokenizerFiles.write(dir, learn(20, TEXT), "{{ bos_token }}{{ messages[0]['content'] }}", 64);
    Tokenizer read = Tokenizer.fromDirectory(dir);
    assertThat(read.bosId()).isZero();
    assertThat(read.eosIds()).isEqualTo(Set.of(0));
    assertThat(read.encode("cat", true)[0]).isZero();
    assertThat(read.encode("<|user|>", false)).containsExactly(1);
    ChatTemplate template = ChatTemplate.fromDirectory(dir).orElseThrow();
    assertThat(template.render(List.of(new ChatTemplate.Message("user", "hi")), false))
        .isEqualTo("<|endoftext|>hi");
  }

  @Test
  void writesTheSameBytesEveryTime() throws IOException {
    TokenizerFiles.write(dir, learn(50, TEXT), null, 512);
    byte[] first = Files.readAllBytes(dir.resolve("tokenizer.json"));
    TokenizerFiles.write(dir, learn(50, TEXT), null, 512);
    assertThat(Files.readAllBytes(dir.resolve("tokenizer.json"))).isEqualTo(first);
  }
}

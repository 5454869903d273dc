package dev.nibble.compress.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingTextTest {
  @TempDir Path dir;

  private TextSource source(String fileName, String options) {
    String yaml =
        "train: { sources: [ { name: s, path: '"
            + dir.resolve(fileName)
            + "', min_characters: 3, "
            + options
            + " } ] }";
    return TrainRecipe.parse(yaml, "test.yaml").sources().getFirst();
  }

  private List<String> documents(String fileName, String options) {
    return SourceReader.documents(source(fileName, options), Map.of());
  }

  @Test
  void splitsAndCleansText() throws IOException {
    String text = "One \u201ctwo\u201d\u00a0three.\r\n\r\n\r\n\r\nFour\tfive \n---\n\n---Six\u2026";
    Files.writeString(dir.resolve("a.txt"), text);
    assertThat(documents("a.txt", "separator: '---'"))
        .containsExactly("One \"two\" three.\n\nFour five", "Six...");
  }

  @Test
  void dropsShortRepeatedAndForeignDocuments() throws IOException {
    Files.writeString(dir.resolve("a.txt"), "a\n\nsame text\n\nsame text\n\nтекст на русском");
    assertThat(documents("a.txt", "format: text")).containsExactly("same text");
  }

  @Test
  void readsCompressedWikipediaExtracts() throws IOException {
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(dir.resolve("w.gz")))) {
      String text =
          "<doc id=\"1\" title=\"A\">\nA\n\nText of A.\n\n</doc>\n<doc id=\"2\">\nB\n</doc>";
      out.write(text.getBytes(StandardCharsets.UTF_8));
    }
    assertThat(documents("w.gz", "format: wiki")).containsExactly("A\n\nText of A.");
  }

  @Test
  void readsTheBrownCorpusFromItsPackage() throws IOException {
    ByteArrayOutputStream tar = new ByteArrayOutputStream();
    entry(tar, "package/README", "not/nn this/dt");
    entry(
        tar,
        "package/ca01",
        "\n\tThe/at jury/nn said/vbd ``/`` no/at ''/'' ;/; ;/;\n\n\tBut/cc why/wrb ?/. ?/.\n");
    tar.write(new byte[1024]);
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(dir.resolve("b.tgz")))) {
      out.write(tar.toByteArray());
    }
    assertThat(documents("b.tgz", "format: brown"))
        .containsExactly("The jury said \"no\";\nBut why?");
  }

  private static void entry(ByteArrayOutputStream tar, String name, String text)
      throws IOException {
    byte[] header = new byte[512];
    byte[] data = text.getBytes(StandardCharsets.ISO_8859_1);
    System.arraycopy(name.getBytes(StandardCharsets.ISO_8859_1), 0, header, 0, name.length());
    byte[] size = String.format("%011o", data.length).getBytes(StandardCharsets.ISO_8859_1);
    System.arraycopy(size, 0, header, 124, size.length);
    tar.write(header);
    tar.write(data);
    tar.write(new byte[(512 - data.length % 512) % 512]);
  }

  @Test
  void explainsFilesThatCannotBeRead() throws IOException {
    Files.writeString(dir.resolve("b.tgz"), "no archive");
    assertThatThrownBy(() -> documents("b.tgz", "format: brown"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("b.tgz");
    assertThatThrownBy(() -> documents("missing.txt", "format: text"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("missing.txt");
    Files.writeString(dir.resolve("empty.txt"), "");
    assertThatThrownBy(() -> documents("empty.txt", "format: text"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("has no document");
  }

  @Test
  void keepsTheAskedShareForEvaluation() throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      text.append("document ").append(i).append("\n\n");
    }
    Files.writeString(dir.resolve("a.txt"), text);
    String yaml =
        "train: { sources: [ { name: s, path: '"
            + dir.resolve("a.txt")
            + "', min_characters: 3, held_out: 0.05 } ] }";
    TrainingText.Part part =
        TrainingText.read(TrainRecipe.parse(yaml, "t"), Map.of()).parts().getFirst();
    assertThat(part.heldOut()).hasSize(5);
    Set<String> both = new HashSet<>(part.training());
    both.retainAll(part.heldOut());
    assertThat(both).isEmpty();
    assertThat(part.training()).hasSize(95);
  }

  @Test
  void requestsNameWhatIsInTheStory() {
    String story = "Tim saw a kayak. The kayak was red. One day Tim and Lily sat in the kayak.";
    ChatRequests requests = new ChatRequests(List.of(story, "Another text."));
    Set<String> seen = new HashSet<>();
    for (long seed = 0; seed < 40; seed++) {
      seen.add(requests.request(story, seed));
    }
    assertThat(seen).anyMatch(r -> r.contains("kayak"));
    assertThat(requests.request(story, 3)).isEqualTo(requests.request(story, 3));
  }

  @Test
  void windowsCoverEveryPassOnceInAnotherOrder() {
    int[] tokens = new int[1000];
    java.util.Arrays.setAll(tokens, i -> i);
    TokenStream stream = new TokenStream(tokens, 11, 5);
    int count = stream.windowsPerPass();
    assertThat(count).isGreaterThan(90);
    for (int pass = 0; pass < 3; pass++) {
      Set<Integer> starts = new HashSet<>();
      for (int i = 0; i < count; i++) {
        int[] window = stream.window((long) pass * count + i);
        assertThat(window).hasSize(11);
        assertThat(window[10]).isEqualTo(window[0] + 10);
        starts.add(window[0]);
      }
      assertThat(starts).hasSize(count);
    }
    assertThat(new TokenStream(tokens, 11, 5).window(count + 3L))
        .isEqualTo(stream.window(count + 3L));
  }

  @Test
  void aShortStreamIsRepeated() {
    assertThat(new TokenStream(new int[] {1, 2, 3}, 11, 5).window(0)).hasSize(11);
  }
}

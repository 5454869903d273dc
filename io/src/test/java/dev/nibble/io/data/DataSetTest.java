package dev.nibble.io.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import dev.nibble.core.testing.SharedData;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataSetTest {
  @TempDir Path dir;

  private Path write(String name, String content) throws IOException {
    return Files.writeString(dir.resolve(name), content);
  }

  private List<String> documents(String id) {
    return new DataCatalog(null, dir).text(id).documents();
  }

  @Test
  void textFileIsOneDocumentUnlessSeparated() throws IOException {
    Path plain = write("a.txt", "\uFEFFone\r\ntwo\r\n\r\nthree");
    Path split = write("b.txt", "one\n<|endoftext|>\ntwo <|endoftext|> in line\n<|endoftext|>\n");
    assertThat(documents(plain.toString())).containsExactly("one\ntwo\n\nthree");
    assertThat(documents(split.toString())).containsExactly("one\n", "two <|endoftext|> in line\n");
  }

  @Test
  void directoryIsReadInNameOrder() throws IOException {
    write("b.txt", "B");
    write("a.md", "A");
    write("c.bin", "C");
    assertThat(documents(dir.toString())).containsExactly("A", "B");
  }

  @Test
  void bundledTextsToCalibrateAndToMeasureOnDiffer() throws IOException {
    write("calibration.txt", "A");
    write("evaluation.txt", "B");
    DataCatalog catalog = new DataCatalog(dir, null);
    assertThat(catalog.text("bundled").text()).isEqualTo("A");
    assertThat(catalog.text("bundled-evaluation").text()).isEqualTo("B");
  }

  @Test
  void wikiTextRowsKeepTheirNewlineAndBlankLinesBecomeEmpty() throws IOException {
    assertThat(WikiText.join(" \n = T = \n \n text \n"))
        .isEqualTo("" + "\n\n" + " = T = \n" + "\n\n" + "" + "\n\n" + " text \n");
    String raw = " \n = T = \n \n one \n two \n \n = = S = = \n \n = U = \n \n three \n";
    assertThat(WikiText.pages(WikiText.join(raw)))
        .containsExactly(
            " \n = T = \n \n one \n two \n \n = = S = = \n \n", " = U = \n \n three \n");
    Path file = write("wiki.test.raw", " = T = \n\n");
    assertThat(documents(file.toString())).containsExactly(" = T = \n\n\n");
  }

  @Test
  void rawAndTokenizedWikiTextAgreeRowByRow() {
    Path data = SharedData.path("datasets");
    DataCatalog catalog = new DataCatalog(null, data);
    String raw = catalog.text("wikitext2-test").text();
    String tokens = catalog.text("wikitext2-tokens-test").text();
    assertThat(tokens.lines().filter(l -> !l.isBlank()).count())
        .isEqualTo(raw.lines().filter(l -> !l.isBlank()).count())
        .isEqualTo(2891);
    assertThat(raw).startsWith("\n\n = Robert Boulter = \n\n\n\n\n Robert Boulter is");
    assertThat(catalog.text("wikitext2-test").pages()).hasSize(62);
    assertThat(catalog.text("wikitext2-tokens-valid").pages()).hasSize(60);
    // 4,358 rows joined by 4,357 blank lines, of which 2,891 rows bring a newline of their own
    assertThat(tokens.chars().filter(c -> c == '\n').count()).isEqualTo(2L * 4357 + 2891);
  }

  @Test
  void recordsOfEveryFormat() throws IOException {
    write("a.jsonl", "{\"text\":\"x\"}\n\n{\"text\":\"y\"}\n");
    write("a.json", "[{\"body\":\"x\"},{\"body\":\"y\"}]");
    write("b.json", "{\"skip\":{\"k\":[1]},\"dev\":[{\"body\":\"x\"},{\"body\":\"y\"}]}");
    write("a.csv", "id,text\n1,x\n2,y\n");
    write("a.tsv", "text\tid\nx\t1\ny\t2\n");
    for (String id : List.of("a.jsonl", "a.json#body", "b.json#dev/body", "a.csv", "a.tsv#text")) {
      assertThat(documents(dir.resolve(id).toString())).as(id).containsExactly("x", "y");
    }
  }

  @Test
  void quotedFieldsMaySpanLines() throws IOException {
    Path file = write("q.csv", "a,b\r\n\"x,\"\"1\"\"\nnext\",\"\"\r\nplain \"quoted\",z");
    List<ObjectNode> rows = Records.readAll(file, "", 0);
    assertThat(rows.get(0).get("a").textValue()).isEqualTo("x,\"1\"\nnext");
    assertThat(rows.get(0).get("b").textValue()).isEmpty();
    assertThat(rows.get(1).get("a").textValue()).isEqualTo("plain \"quoted\"");
    assertThat(rows).hasSize(2);
  }

  @Test
  void gzipIsRecognizedByContent() throws IOException {
    Path file = dir.resolve("z.txt");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write("zipped".getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }
    assertThat(documents(file.toString())).containsExactly("zipped");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 6));
    assertThatThrownBy(() -> documents(file.toString()))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("z.txt")
        .hasMessageContaining("gzip");
  }

  @Test
  void decompressionBombIsRefused() throws IOException {
    Path file = dir.resolve("bomb.txt.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file), 1 << 16)) {
      byte[] zeros = new byte[1 << 20];
      java.util.Arrays.fill(zeros, (byte) '\n');
      for (int i = 0; i < 80; i++) {
        out.write(zeros);
      }
    }
    assertThatThrownBy(() -> documents(file.toString()))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("compressed size");
  }

  @Test
  void damagedFilesAreReportedWithPlaceAndRemedy() throws IOException {
    Files.write(dir.resolve("latin.txt"), new byte[] {'a', (byte) 0xe9, 'b'});
    write("bad.jsonl", "{\"text\":\"x\"}\n{\"text\": nope}\n");
    write("cut.json", "[{\"text\":\"x\"},");
    write("scalar.json", "[1]");
    write("object.json", "{\"a\":1}");
    write("open.csv", "text\n\"never closed");
    write("columns.csv", "a,text\n1\n");
    write("none.csv", "");
    write("field.jsonl", "{\"body\":\"x\"}\n");
    write("deep.jsonl", "{\"text\":" + "[".repeat(5000));
    write("x.parquet", "PAR1");
    write("x.doc", "");
    write("blank.txt", " \n ");
    assertBad("latin.txt", "UTF-8");
    assertBad("bad.jsonl", "row 2", "JSON");
    assertBad("cut.json", "row 2");
    assertBad("scalar.json", "row 1", "object");
    assertBad("object.json", "name the array");
    assertBad("object.json#dev/text", "no array named \"dev\"");
    assertBad("open.csv", "row 2", "never closed");
    assertBad("columns.csv", "row 2", "1 columns", "2");
    assertBad("none.csv", "header");
    assertBad("field.jsonl", "\"text\"", "body");
    assertBad("deep.jsonl", "row 1");
    assertBad("x.parquet", "JSON lines");
    assertBad("x.doc", "unknown kind");
    assertBad("blank.txt", "no text");
  }

  private void assertBad(String id, String... parts) {
    assertThatThrownBy(() -> documents(dir.resolve(id).toString()))
        .as(id)
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContainingAll(parts)
        .message()
        .hasLineCount(1);
  }

  @Test
  void unknownIdsListWhatThereIs() {
    assertThatThrownBy(() -> documents("wikitext3"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("wikitext2-test");
    assertThatThrownBy(() -> documents("wikitext2-train"))
        .hasMessageContaining("wikitext-2/wiki.train.raw");
    assertThatThrownBy(() -> new DataCatalog(null, null).text("bundled"))
        .isInstanceOf(NibbleException.class);
  }
}

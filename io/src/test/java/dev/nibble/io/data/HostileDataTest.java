package dev.nibble.io.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.NibbleException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Damaged data files are read or refused in one sentence, and nothing else. */
class HostileDataTest {
  private static final int CASES = 300;

  @TempDir Path dir;

  @ParameterizedTest
  @CsvSource({
    "a.jsonl, false",
    "a.json, false",
    "a.csv, false",
    "a.tsv, false",
    "a.txt, false",
    "wiki.a.raw, false",
    "a.jsonl.gz, true",
    "a.csv.gz, true",
    "a.txt.gz, true"
  })
  void damageIsReportedInOneSentence(String name, boolean zipped) throws IOException {
    byte[] whole = zipped ? zip(content(name)) : content(name);
    SplittableRandom random = new SplittableRandom(name.hashCode());
    for (int i = 0; i < CASES; i++) {
      Path file = Files.write(dir.resolve(name), damage(whole, random));
      try {
        List<String> documents = new DataCatalog(null, dir).text(file.toString()).documents();
        assertThat(documents).isNotEmpty();
      } catch (NibbleException e) {
        assertThat(e.getMessage()).startsWith(file.toString()).hasLineCount(1);
        assertThat(e.getMessage().length()).isLessThan(file.toString().length() + 600);
      }
    }
  }

  private static byte[] content(String name) {
    String text =
        switch (name.replace(".gz", "").replaceAll(".*\\.", "")) {
          case "jsonl" -> "{\"text\": \"one é\", \"n\": [1, 2]}\n{\"text\": \"two\"}\n".repeat(3);
          case "json" -> "[{\"text\": \"one é\", \"n\": {\"a\": 1}}, {\"text\": \"two\"}]";
          case "csv" -> "id,text\n1,\"one, \"\"é\"\"\nmore\"\n2,two\n" + "3,x\n".repeat(9);
          case "tsv" -> "id\ttext\n" + "1\tone é\n".repeat(9);
          default -> "one é\n<|endoftext|>\ntwo\n\n = Title = \n\nthree\n";
        };
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] zip(byte[] plain) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(bytes)) {
      out.write(plain);
    }
    return bytes.toByteArray();
  }

  /** Cuts the end off, or changes one to three bytes. */
  private static byte[] damage(byte[] whole, SplittableRandom random) {
    if (random.nextInt(3) == 0) {
      return Arrays.copyOf(whole, random.nextInt(whole.length));
    }
    byte[] damaged = whole.clone();
    for (int k = random.nextInt(1, 4); k > 0; k--) {
      damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
    }
    return damaged;
  }
}

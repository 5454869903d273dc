package dev.nibble.pipeline.scores;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.nibble.core.progress.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScoreFilesTest {
  private static final JsonNode SCORES = JsonNodeFactory.instance.arrayNode().add("1.5").add("NaN");

  @TempDir private Path folder;
  private final List<String> notes = new ArrayList<>();

  private final Progress noting =
      new Progress() {
        @Override
        public Task start(String what, long total, String unit) {
          return Progress.SILENT.start(what, total, unit);
        }

        @Override
        public void note(String line) {
          notes.add(line);
        }
      };

  private ScoreFiles files(String owner) {
    return new ScoreFiles(Optional.of(folder), () -> owner, noting);
  }

  @Test
  void anotherRunOnTheSameModelFindsWhatOneStored() {
    files("model a").within("rotated").store("lim", SCORES);
    assertThat(files("model a").within("rotated").find("lim")).contains(SCORES);
    assertThat(files("model b").within("rotated").find("lim")).isEmpty();
    assertThat(files("model a").within("plain").find("lim")).isEmpty();
    assertThat(files("model a").within("rotated").find("zd")).isEmpty();
    assertThat(notes).isEmpty();
  }

  @Test
  void withoutAFolderARunRemembersItsOwnAndNobodyIsAskedWhoItIs() {
    ScoreFiles memory =
        new ScoreFiles(
            Optional.empty(),
            () -> {
              throw new AssertionError("asked");
            },
            noting);
    memory.store("lim", SCORES);
    assertThat(memory.find("lim")).contains(SCORES);
    assertThat(memory.find("zd")).isEmpty();
  }

  @Test
  void aDamagedFileIsANoteAndIsReplaced() throws IOException {
    files("model").store("lim", SCORES);
    Path file;
    try (Stream<Path> all = Files.walk(folder)) {
      file = all.filter(Files::isRegularFile).findFirst().orElseThrow();
    }
    Files.writeString(file, "{ \"key\" : \"lim\", ");
    assertThat(files("model").find("lim")).isEmpty();
    assertThat(notes).hasSize(1).first().asString().contains("kept scores are not used");
    files("model").store("lim", SCORES);
    assertThat(files("model").find("lim")).contains(SCORES);
  }

  @Test
  void aFolderThatCannotBeWrittenIsANote() throws IOException {
    Path blocked = Files.writeString(folder.resolve("file"), "in the way");
    ScoreFiles files = new ScoreFiles(Optional.of(blocked), () -> "model", noting);
    files.store("lim", SCORES);
    assertThat(notes).hasSize(1).first().asString().contains("not kept for another run");
    assertThat(files.find("lim")).contains(SCORES);
  }

  @Test
  void theCacheLiesWhereTheUserWantsIt() {
    assertThat(CacheFolder.of(Map.of("NIBBLE_CACHE", "/a", "XDG_CACHE_HOME", "/b"), "/h"))
        .contains(Path.of("/a").toAbsolutePath());
    assertThat(CacheFolder.of(Map.of("XDG_CACHE_HOME", "/b"), "/h"))
        .contains(Path.of("/b/nibble").toAbsolutePath());
    assertThat(CacheFolder.of(Map.of(), "/h"))
        .contains(Path.of("/h/.cache/nibble").toAbsolutePath());
    assertThat(CacheFolder.of(Map.of("NIBBLE_CACHE", "off"), "/h")).isEmpty();
    assertThat(CacheFolder.of(Map.of(), null)).isEmpty();
  }
}

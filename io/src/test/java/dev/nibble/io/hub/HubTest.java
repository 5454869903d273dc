package dev.nibble.io.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.data.TextCorpus;
import dev.nibble.io.model.OpenedModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubTest {
  private static final String WEIGHTS = "model.safetensors";

  @TempDir Path cache;
  private FakeHub hub;

  @BeforeEach
  void start() {
    hub = new FakeHub().with(FamilyFixtures.of("llama").directory());
    hub.files.put("README.md", "read".getBytes(StandardCharsets.UTF_8));
    hub.files.put("pytorch_model.bin", new byte[100]);
  }

  @AfterEach
  void stop() {
    hub.close();
  }

  private Path fetch(String model) {
    return fetch(model, hub.settings(cache));
  }

  private static Path fetch(String model, HubSettings settings) {
    try (Hub client = new Hub(settings, Progress.SILENT)) {
      return client.fetch(HubModel.parse(model));
    }
  }

  @Test
  void aModelOfTheHubOpensLikeTheDirectoryItCameFrom() throws IOException {
    Path snapshot = fetch(FakeHub.ID);
    Path source = FamilyFixtures.of("llama").directory();
    try (OpenedModel fetched = OpenedModel.open(snapshot);
        OpenedModel original = OpenedModel.open(source)) {
      assertThat(fetched.weights().config())
          .usingRecursiveComparison()
          .isEqualTo(original.weights().config());
      assertThat(fetched.weights().names()).isEqualTo(original.weights().names()).isNotEmpty();
      for (String name : original.weights().names()) {
        assertThat(fetched.weights().tensor(name).toFloats())
            .isEqualTo(original.weights().tensor(name).toFloats());
      }
    }
    assertThat(snapshot.resolve(WEIGHTS)).hasSameBinaryContentAs(source.resolve(WEIGHTS));
  }

  @Test
  void theCacheHasTheSharedLayout() throws IOException {
    Path snapshot = fetch(FakeHub.ID);
    Path root = cache.toAbsolutePath().resolve("models--maker--model");
    assertThat(snapshot).isEqualTo(root.resolve("snapshots").resolve(FakeHub.COMMIT));
    assertThat(root.resolve("refs/main")).hasContent(FakeHub.COMMIT);
    String large = FakeHub.sha256(hub.files.get(WEIGHTS));
    String small = FakeHub.gitHash(hub.files.get("config.json"));
    assertThat(Files.readSymbolicLink(snapshot.resolve(WEIGHTS)))
        .isEqualTo(Path.of("../../blobs", large));
    assertThat(Files.readSymbolicLink(snapshot.resolve("config.json")))
        .isEqualTo(Path.of("../../blobs", small));
    assertThat(root.resolve("blobs/" + large)).hasBinaryContent(hub.files.get(WEIGHTS));
    try (Stream<Path> blobs = Files.list(root.resolve("blobs"))) {
      assertThat(blobs.map(p -> p.getFileName().toString()))
          .containsExactlyInAnyOrder(large, small);
    }
  }

  @Test
  void onlyWhatTheModelNeedsIsFetchedAndLargeFilesInRanges() {
    fetch(FakeHub.ID);
    assertThat(hub.contents("README.md")).isEmpty();
    assertThat(hub.contents("pytorch_model.bin")).isEmpty();
    int size = hub.files.get(WEIGHTS).length;
    assertThat(size).isGreaterThan(10_000);
    assertThat(hub.contents(WEIGHTS)).hasSize((size + 4999) / 5000);
  }

  @Test
  void whatTheCacheHasIsNotFetchedAgain() {
    fetch(FakeHub.ID);
    hub.seen.clear();
    fetch(FakeHub.ID);
    assertThat(hub.seen).isNotEmpty().allMatch(s -> s.path().startsWith("/api/"));
  }

  @Test
  void aNewCommitFetchesOnlyWhatChanged() {
    fetch(FakeHub.ID);
    hub.commit = "f".repeat(40);
    hub.files.put("tokenizer_config.json", "{}".getBytes(StandardCharsets.UTF_8));
    hub.seen.clear();
    Path snapshot = fetch(FakeHub.ID);
    assertThat(hub.contents("tokenizer_config.json")).hasSize(1);
    assertThat(hub.contents(WEIGHTS)).isEmpty();
    assertThat(snapshot.getFileName()).hasToString(hub.commit);
    assertThat(snapshot.resolve(WEIGHTS)).hasBinaryContent(hub.files.get(WEIGHTS));
  }

  @Test
  void revisionsAreAskedForByName() {
    fetch(FakeHub.ID + "@refs/pr/7");
    assertThat(hub.seen.getFirst().path()).isEqualTo("/api/models/maker/model/revision/refs/pr/7");
    assertThat(cache.resolve("models--maker--model/refs/refs/pr/7")).hasContent(FakeHub.COMMIT);
    fetch(FakeHub.ID + "@" + FakeHub.COMMIT);
    assertThat(cache.resolve("models--maker--model/refs/" + FakeHub.COMMIT)).doesNotExist();
    String other = "a".repeat(40);
    assertThatThrownBy(() -> fetch(FakeHub.ID + "@" + other))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("commit");
  }

  @Test
  void shardsAreThoseOfTheIndex() {
    byte[] weights = hub.files.remove(WEIGHTS);
    hub.files.put("model-00001-of-00001.safetensors", weights);
    hub.files.put("consolidated.safetensors", weights);
    String index = "{\"weight_map\": {\"x\": \"model-00001-of-00001.safetensors\"}}";
    hub.files.put("model.safetensors.index.json", index.getBytes(StandardCharsets.UTF_8));
    Path snapshot = fetch(FakeHub.ID);
    assertThat(snapshot.resolve("model-00001-of-00001.safetensors")).hasBinaryContent(weights);
    assertThat(snapshot.resolve("consolidated.safetensors")).doesNotExist();
  }

  @Test
  void aGgufFileIsChosenByName() {
    hub.files.put("q4/tiny.gguf", new byte[12_345]);
    Path file = fetch(FakeHub.ID + ":q4/tiny.gguf");
    assertThat(file).hasBinaryContent(new byte[12_345]);
    assertThat(hub.contents(WEIGHTS)).isEmpty();
    assertThatThrownBy(() -> fetch(FakeHub.ID + ":q5.gguf"))
        .hasMessage("the model maker/model has no file q5.gguf; it has q4/tiny.gguf");
    hub.files.remove(WEIGHTS);
    assertThatThrownBy(() -> fetch(FakeHub.ID)).hasMessageContaining("of q4/tiny.gguf");
    hub.files.remove("q4/tiny.gguf");
    assertThatThrownBy(() -> fetch(FakeHub.ID)).hasMessageContaining("pickled");
  }

  @Test
  void snapshotsMayHoldCopiesOfTheRightLength() throws IOException {
    Path weights = fetch(FakeHub.ID).resolve(WEIGHTS);
    byte[] content = hub.files.get(WEIGHTS);
    Files.delete(weights);
    Files.write(weights, content);
    fetch(FakeHub.ID);
    assertThat(Files.isSymbolicLink(weights)).isFalse();
    Files.write(weights, new byte[3]);
    fetch(FakeHub.ID);
    assertThat(weights).hasBinaryContent(content);
  }

  @Test
  void aBlobOfTheWrongLengthIsFetchedAgain() throws IOException {
    Path weights = fetch(FakeHub.ID).resolve(WEIGHTS);
    Files.write(weights.toRealPath(), new byte[3]);
    fetch(FakeHub.ID);
    assertThat(weights).hasBinaryContent(hub.files.get(WEIGHTS));
  }

  @Test
  void textsComeFromDataSets() {
    String rows = "{\"body\": \"one\"}\n{\"body\": \"two\"}\n";
    hub.files.put("en/rows.jsonl", rows.getBytes(StandardCharsets.UTF_8));
    try (Hub client = new Hub(hub.settings(cache), Progress.SILENT)) {
      DataCatalog catalog = new DataCatalog(null, null, id -> client.fetch(HubDataFile.parse(id)));
      TextCorpus corpus = catalog.text("datasets/maker/model#en/rows.jsonl#body");
      assertThat(corpus.text()).contains("one", "two").doesNotContain("body");
      assertThat(cache.resolve("datasets--maker--model/snapshots/" + FakeHub.COMMIT)).exists();
      assertThatThrownBy(() -> catalog.text("datasets/maker/model#en/none.jsonl"))
          .hasMessage("the data set maker/model has no file en/none.jsonl; it has en/rows.jsonl");
      assertThatThrownBy(() -> catalog.text("datasets/maker/model"))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("#FILE");
    }
  }

  @Test
  void offlineTheCacheIsAllThereIs() {
    HubSettings offline = hub.settings(cache).offline(true);
    assertThatThrownBy(() -> fetch(FakeHub.ID, offline))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("offline")
        .hasMessageContaining(FakeHub.ID);
    assertThat(hub.seen).isEmpty();
    Path online = fetch(FakeHub.ID);
    hub.seen.clear();
    assertThat(fetch(FakeHub.ID, offline)).isEqualTo(online);
    assertThat(fetch(FakeHub.ID + "@" + FakeHub.COMMIT, offline)).isEqualTo(online);
    assertThat(hub.seen).isEmpty();
    assertThatThrownBy(() -> fetch(FakeHub.ID + ":other.gguf", offline))
        .hasMessageContaining("other.gguf");
  }

  @Test
  void anUnreachableHubIsReplacedByTheCacheAloud() {
    Path online = fetch(FakeHub.ID);
    hub.fault = (request, exchange) -> answer503(exchange);
    List<String> notes = new ArrayList<>();
    try (Hub client = new Hub(hub.settings(cache), new Notes(notes))) {
      assertThat(client.fetch(HubModel.parse(FakeHub.ID))).isEqualTo(online);
    }
    assertThat(notes).singleElement().asString().contains("cannot be reached", FakeHub.COMMIT);
  }

  private static boolean answer503(HttpExchange exchange) throws IOException {
    FakeHub.send(exchange, 503, new byte[0]);
    return true;
  }

  /** Keeps the notes only. */
  private record Notes(List<String> lines) implements Progress {
    @Override
    public Task start(String what, long total, String unit) {
      return SILENT.start(what, total, unit);
    }

    @Override
    public void note(String line) {
      lines.add(line);
    }
  }

  @Test
  void twoClientsFetchEachFileOnce() throws Exception {
    Callable<Path> job = () -> fetch(FakeHub.ID);
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      List<Future<Path>> both = threads.invokeAll(List.of(job, job));
      assertThat(both.get(0).get()).isEqualTo(both.get(1).get());
    }
    int size = hub.files.get(WEIGHTS).length;
    assertThat(hub.contents(WEIGHTS)).hasSize((size + 4999) / 5000);
    assertThat(hub.contents("config.json")).hasSize(1);
  }

  @Test
  void progressCountsEveryByteOnce() {
    long[] sums = new long[2];
    Progress counting =
        new Progress() {
          @Override
          public Task start(String what, long total, String unit) {
            boolean download = what.startsWith("download");
            sums[0] += download ? total : 0;
            return new Task() {
              @Override
              public void advance(long n) {
                synchronized (sums) {
                  sums[1] += download ? n : 0;
                }
              }

              @Override
              public void close() {}
            };
          }

          @Override
          public void note(String line) {}
        };
    try (Hub client = new Hub(hub.settings(cache), counting)) {
      client.fetch(HubModel.parse(FakeHub.ID));
    }
    long bytes = (long) hub.files.get(WEIGHTS).length + hub.files.get("config.json").length;
    assertThat(sums).containsExactly(bytes, bytes);
  }
}

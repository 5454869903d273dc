package dev.nibble.io.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Lines that break, servers that are busy, and servers that lie. */
class HubFaultsTest {
  private static final String FILE = "tiny.gguf";
  private static final String MODEL = FakeHub.ID + ":" + FILE;
  private static final int SIZE = 23_456;

  @TempDir Path cache;
  private FakeHub hub;
  private byte[] content;

  @BeforeEach
  void start() {
    hub = new FakeHub();
    content = new byte[SIZE];
    new Random(7).nextBytes(content);
    hub.files.put(FILE, content);
    hub.files.put("config.json", "{}".getBytes(StandardCharsets.UTF_8));
  }

  @AfterEach
  void stop() {
    hub.close();
  }

  private Path fetch() {
    return fetch(hub.settings(cache));
  }

  private static Path fetch(HubSettings settings) {
    try (Hub client = new Hub(settings, Progress.SILENT)) {
      return client.fetch(HubModel.parse(MODEL));
    }
  }

  private static HubSettings with(HubSettings s, String token, Duration stall) {
    return new HubSettings(
        s.endpoint(),
        s.cache(),
        token,
        false,
        s.connections(),
        s.rangeBytes(),
        stall,
        s.firstPause());
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void cutConnectionsAreContinuedWhereTheyBroke(long seed) {
    Random random = new Random(seed);
    AtomicInteger cuts = new AtomicInteger();
    hub.fault =
        (request, exchange) -> {
          synchronized (random) {
            int wanted = FakeHub.length(request.range());
            if (!request.cdn() || wanted < 2 || cuts.get() >= 12 || random.nextInt(3) == 0) {
              return false;
            }
            cuts.incrementAndGet();
            FakeHub.cut(exchange, request.range(), content, 1 + random.nextInt(wanted - 1));
            return true;
          }
        };
    assertThat(fetch()).hasBinaryContent(content);
    assertThat(cuts.get()).isPositive();
    assertThat(hub.contents(FILE)).anyMatch(s -> !s.range().matches("bytes=\\d*000-.*|bytes=0-.*"));
  }

  @Test
  void aLaterRunContinuesWhatAnEarlierOneBegan() throws IOException {
    hub.fault =
        (request, exchange) -> {
          if (request.cdn() && !request.range().startsWith("bytes=0-")) {
            FakeHub.send(exchange, 500, new byte[0]);
            return true;
          }
          return false;
        };
    assertThatThrownBy(this::fetch)
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("continues where it stopped");
    hub.fault = (request, exchange) -> false;
    hub.seen.clear();
    assertThat(fetch()).hasBinaryContent(content);
    assertThat(hub.contents(FILE)).isNotEmpty().noneMatch(s -> s.range().startsWith("bytes=0-"));
    try (Stream<Path> blobs = Files.list(cache.resolve("models--maker--model/blobs"))) {
      assertThat(blobs).hasSize(1);
    }
  }

  @Test
  void aServerWithoutRangesGivesTheFileInOnePiece() {
    AtomicInteger requests = new AtomicInteger();
    hub.fault =
        (request, exchange) -> {
          if (!request.cdn()) {
            return false;
          }
          if (request.range().isEmpty() && requests.incrementAndGet() < 3) {
            FakeHub.cut(exchange, "", content, 9000 * requests.get());
          } else {
            FakeHub.send(exchange, 200, content);
          }
          return true;
        };
    assertThat(fetch()).hasBinaryContent(content);
    assertThat(requests).hasValue(3);
  }

  @Test
  void aBusyHubIsWaitedFor() {
    AtomicInteger busy = new AtomicInteger();
    hub.fault =
        (request, exchange) -> {
          if (busy.incrementAndGet() > 2) {
            return false;
          }
          exchange.getResponseHeaders().set("Retry-After", "1");
          FakeHub.send(exchange, 429, new byte[0]);
          return true;
        };
    long before = System.nanoTime();
    assertThat(fetch()).hasBinaryContent(content);
    assertThat(System.nanoTime() - before).isGreaterThanOrEqualTo(2_000_000_000L);
  }

  @Test
  void aHubThatAsksForHoursIsNotWaitedFor() {
    hub.fault =
        (request, exchange) -> {
          exchange.getResponseHeaders().set("Retry-After", "7200");
          FakeHub.send(exchange, 429, new byte[0]);
          return true;
        };
    assertThatThrownBy(this::fetch).hasMessageContaining("429");
    assertThat(hub.seen).hasSize(1);
  }

  @Test
  void silenceEndsAConnection() {
    AtomicInteger requests = new AtomicInteger();
    hub.fault =
        (request, exchange) -> {
          if (!request.cdn() || requests.incrementAndGet() > 1) {
            return false;
          }
          exchange.sendResponseHeaders(206, 5000);
          exchange.getResponseBody().write(content, 0, 100);
          exchange.getResponseBody().flush();
          try {
            Thread.sleep(30_000);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return true;
        };
    HubSettings impatient = with(hub.settings(cache), "", Duration.ofMillis(400));
    assertThat(fetch(impatient)).hasBinaryContent(content);
  }

  @Test
  void theTokenGoesToTheHubAlone() {
    fetch(with(hub.settings(cache), "hf_secret", Duration.ofSeconds(20)));
    assertThat(hub.seen).filteredOn(s -> !s.cdn()).isNotEmpty();
    assertThat(hub.seen)
        .filteredOn(s -> !s.cdn())
        .allMatch(s -> s.authorization().equals("Bearer hf_secret"));
    assertThat(hub.seen).filteredOn(FakeHub.Seen::cdn).isNotEmpty();
    assertThat(hub.seen).filteredOn(FakeHub.Seen::cdn).allMatch(s -> s.authorization().isEmpty());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "401 | GatedRepo        |           | is gated: accept its licence at",
        "401 | GatedRepo        |           | set HF_TOKEN",
        "403 | GatedRepo        | hf_secret | with the account that your token belongs to",
        "401 | RepoNotFound     |           | does not exist at 127.0.0.1",
        "401 | Whatever         | hf_secret | does not accept your token",
        "403 | Whatever         |           | forbids reading",
        "404 | RepoNotFound     |           | check the spelling",
        "404 | RevisionNotFound |           | has no revision \"main\"",
        "418 | Whatever         |           | answered 418",
      })
  void refusalsSayWhatToDo(int status, String code, String token, String said) {
    hub.fault =
        (request, exchange) -> {
          FakeHub.refuse(exchange, status, code);
          return true;
        };
    HubSettings settings =
        with(hub.settings(cache), token == null ? "" : token, Duration.ofSeconds(20));
    assertThatThrownBy(() -> fetch(settings))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining(said)
        .hasMessageContaining(FakeHub.ID)
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("hf_secret", "\n"));
    assertThat(hub.seen).hasSize(1);
  }

  @Test
  void damagedContentIsFetchedOnceMore() {
    AtomicInteger damages = new AtomicInteger();
    byte[] damaged = content.clone();
    damaged[12_000] ^= 1;
    hub.fault = damaging(damaged, damages, 1);
    assertThat(fetch()).hasBinaryContent(content);
    assertThat(damages).hasValue(1);
  }

  @Test
  void contentThatStaysWrongIsRefusedAndNotKept() throws IOException {
    byte[] damaged = content.clone();
    damaged[12_000] ^= 1;
    hub.fault = damaging(damaged, new AtomicInteger(), Integer.MAX_VALUE);
    assertThatThrownBy(this::fetch)
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining(FILE)
        .hasMessageContaining("hash");
    try (Stream<Path> blobs = Files.list(cache.resolve("models--maker--model/blobs"))) {
      assertThat(blobs).isEmpty();
    }
    assertThat(cache.resolve("models--maker--model/snapshots/" + FakeHub.COMMIT)).doesNotExist();
  }

  private static FakeHub.Fault damaging(byte[] damaged, AtomicInteger count, int most) {
    return (request, exchange) -> {
      if (!request.cdn() || !request.range().startsWith("bytes=10000-") || count.get() >= most) {
        return false;
      }
      count.incrementAndGet();
      FakeHub.content(exchange, request.range(), damaged);
      return true;
    };
  }

  @Test
  void smallFilesAreHeldToTheirGitHash() {
    hub.files.put("model.safetensors", content);
    hub.fault =
        (request, exchange) -> {
          if (!request.path().endsWith("/config.json")) {
            return false;
          }
          FakeHub.send(exchange, 200, "[]".getBytes(StandardCharsets.UTF_8));
          return true;
        };
    try (Hub client = new Hub(hub.settings(cache), Progress.SILENT)) {
      assertThatThrownBy(() -> client.fetch(HubModel.parse(FakeHub.ID)))
          .hasMessageContaining("config.json")
          .hasMessageContaining("hash");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../../evil.gguf", "/etc/evil.gguf", "a/../../evil.gguf", "a//b.gguf", "./x", ""})
  void pathsThatLeaveTheFolderAreRefused(String path) {
    hub.listing = "[" + FakeHub.entry(path, content) + "," + FakeHub.entry(FILE, content) + "]";
    assertThatThrownBy(this::fetch)
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("would lead out of the model's folder");
    assertThat(hub.seen).allMatch(s -> s.path().startsWith("/api/"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{} | must be a list",
        "[1] | objects",
        "[{`type`: `file`} | JSON",
        "[{`type`: `file`, `path`: `tiny.gguf`, `oid`: `../x`, `size`: 3}] | no hash",
        "[{`type`: `file`, `path`: `tiny.gguf`, `oid`: `HASH`, `size`: -3}] | number of bytes",
        "[{`type`: `file`, `path`: `tiny.gguf`, `oid`: `HASH`, `size`: 1e99}] | number of bytes",
        "[{`type`: `file`, `path`: `tiny.gguf`, `oid`: `HASH`, `size`: 4e18}] | number of bytes",
        "[{`type`: `file`, `path`: `tiny.gguf`, `oid`: `HASH`, `size`: 4000000000000000000}] | free",
      })
  void listsThatMakeNoSenseAreRefused(String list, String said) {
    hub.listing = list.replace('`', '"').replace("HASH", "0".repeat(40));
    assertThatThrownBy(this::fetch)
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining(said)
        .hasMessageContaining(FakeHub.ID);
  }

  @Test
  void anEndlessAnswerIsCutOff() {
    hub.fault = (request, exchange) -> endless(exchange);
    assertThatThrownBy(this::fetch)
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("more than");
  }

  @Test
  void anEndlessFileIsReadNoFurtherThanItsSize() {
    hub.fault = (request, exchange) -> request.cdn() && endless(exchange);
    assertThatThrownBy(this::fetch).isInstanceOf(NibbleException.class).hasMessageContaining(FILE);
    assertThat(cache.resolve("models--maker--model/blobs")).isEmptyDirectory();
  }

  /** Spaces until the client hangs up. */
  private static boolean endless(HttpExchange exchange) throws IOException {
    exchange.sendResponseHeaders(200, 0);
    byte[] spaces = new byte[1 << 16];
    Arrays.fill(spaces, (byte) ' ');
    OutputStream out = exchange.getResponseBody();
    while (true) {
      out.write(spaces);
    }
  }

  @Test
  void aWrongLengthIsNoContent() {
    hub.fault =
        (request, exchange) -> {
          if (!request.cdn()) {
            return false;
          }
          FakeHub.content(exchange, "bytes=0-99", content);
          return true;
        };
    assertThatThrownBy(this::fetch)
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("100 bytes were announced");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ftp://127.0.0.1/x", "file:///etc/passwd", "", "http://", ":::"})
  void redirectsLeadToTheWebOnly(String location) {
    hub.fault =
        (request, exchange) -> {
          exchange.getResponseHeaders().set("Location", location);
          exchange.sendResponseHeaders(302, -1);
          return true;
        };
    assertThatThrownBy(this::fetch)
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("redirect");
  }

  @Test
  void redirectsInACircleEnd() {
    hub.fault =
        (request, exchange) -> {
          exchange.getResponseHeaders().set("Location", request.path());
          exchange.sendResponseHeaders(307, -1);
          return true;
        };
    assertThatThrownBy(this::fetch).hasMessageContaining("more than 10 redirects");
  }
}

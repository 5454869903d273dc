package dev.nibble.io.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A hub of one repository on the loopback interface, with a second server as its CDN: large files
 * (safetensors, GGUF) are redirected there.
 */
final class FakeHub implements AutoCloseable {
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
  static final String ID = "maker/model";

  private static final Charset UTF8 = StandardCharsets.UTF_8;
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d+)");

  /** A request as it came. */
  record Seen(boolean cdn, String path, String range, String authorization) {}

  /** Answers in place of the hub, or not. */
  @FunctionalInterface
  interface Fault {
    /** True when it answered. */
    boolean answers(Seen request, HttpExchange exchange) throws IOException;
  }

  private final HttpServer hub;
  private final HttpServer cdn;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  final SequencedMap<String, byte[]> files = new TreeMap<>();
  final List<Seen> seen = new CopyOnWriteArrayList<>();
  volatile Fault fault = (request, exchange) -> false;
  volatile String commit = COMMIT;

  /** What the lists say instead of the truth; null for the truth. */
  volatile String listing;

  FakeHub() {
    try {
      InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
      hub = HttpServer.create(any, 0);
      cdn = HttpServer.create(any, 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    hub.createContext("/", exchange -> handle(exchange, false));
    cdn.createContext("/", exchange -> handle(exchange, true));
    hub.setExecutor(threads);
    cdn.setExecutor(threads);
    hub.start();
    cdn.start();
  }

  /** Takes over the files of a model directory. */
  FakeHub with(Path directory) {
    try (Stream<Path> all = Files.list(directory)) {
      for (Path file : all.toList()) {
        files.put(file.getFileName().toString(), Files.readAllBytes(file));
      }
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A client's settings: small ranges, no pauses. */
  HubSettings settings(Path cache) {
    return new HubSettings(
        URI.create("http://127.0.0.1:" + hub.getAddress().getPort()),
        cache,
        "",
        false,
        4,
        5000,
        Duration.ofSeconds(20),
        Duration.ofMillis(1));
  }

  /** Requests for the content of a file that the CDN or the hub itself answered. */
  List<Seen> contents(String file) {
    return seen.stream()
        .filter(s -> s.path().endsWith("/" + file) && (s.cdn() || !isLarge(file)))
        .toList();
  }

  static boolean isLarge(String file) {
    return file.endsWith(".safetensors") || file.endsWith(".gguf");
  }

  private void handle(HttpExchange exchange, boolean isCdn) throws IOException {
    try (exchange) {
      Seen request =
          new Seen(
              isCdn,
              exchange.getRequestURI().getPath(),
              header(exchange, "Range"),
              header(exchange, "Authorization"));
      seen.add(request);
      if (!fault.answers(request, exchange)) {
        answer(request, exchange);
      }
    }
  }

  private static String header(HttpExchange exchange, String name) {
    String value = exchange.getRequestHeaders().getFirst(name);
    return value == null ? "" : value;
  }

  private void answer(Seen request, HttpExchange exchange) throws IOException {
    // The same repository is a data set, too.
    String path = request.path().replaceFirst("^/api/datasets/", "/api/models/");
    path = path.replaceFirst("^/datasets/", "/");
    if (path.startsWith("/api/models/" + ID + "/revision/")) {
      send(exchange, 200, "{\"id\": \"%s\", \"sha\": \"%s\"}".formatted(ID, commit).getBytes(UTF8));
    } else if (path.equals("/api/models/" + ID + "/tree/" + commit)) {
      tree(exchange);
    } else if (path.startsWith("/" + ID + "/resolve/" + commit + "/")) {
      String file = path.substring(("/" + ID + "/resolve/" + commit + "/").length());
      if (isLarge(file)) {
        exchange.getResponseHeaders().set("Location", cdnAddress(file));
        exchange.sendResponseHeaders(302, -1);
      } else {
        content(exchange, request.range(), files.get(file));
      }
    } else if (request.cdn() && files.containsKey(path.substring("/signed/".length()))) {
      content(exchange, request.range(), files.get(path.substring("/signed/".length())));
    } else {
      refuse(exchange, 404, "RepoNotFound");
    }
  }

  private String cdnAddress(String file) {
    return "http://127.0.0.1:" + cdn.getAddress().getPort() + "/signed/" + file + "?key=1";
  }

  /** Two files a page. */
  private void tree(HttpExchange exchange) throws IOException {
    if (listing != null) {
      send(exchange, 200, listing.getBytes(UTF8));
      return;
    }
    String query = exchange.getRequestURI().getRawQuery();
    int from = query.contains("cursor=") ? Integer.parseInt(query.replaceAll(".*cursor=", "")) : 0;
    List<String> names = new ArrayList<>(files.keySet());
    int to = Math.min(names.size(), from + 2);
    if (to < names.size()) {
      exchange
          .getResponseHeaders()
          .set(
              "Link",
              "<https://elsewhere.example/x?recursive=true&cursor=" + to + ">; rel=\"next\"");
    }
    List<String> entries =
        names.subList(from, to).stream().map(n -> entry(n, files.get(n))).toList();
    send(exchange, 200, ("[" + String.join(",", entries) + "]").getBytes(UTF8));
  }

  /** A line of the list of files. */
  static String entry(String name, byte[] content) {
    String lfs =
        ", \"lfs\": {\"oid\": \"%s\", \"size\": %d, \"pointerSize\": 130}"
            .formatted(sha256(content), content.length);
    return "{\"type\": \"file\", \"path\": \"%s\", \"oid\": \"%s\", \"size\": %d%s}"
        .formatted(name, gitHash(content), content.length, isLarge(name) ? lfs : "");
  }

  /** Answers with a content or the range of it that is asked for. */
  static void content(HttpExchange exchange, String range, byte[] content) throws IOException {
    Matcher wanted = RANGE.matcher(range);
    if (!wanted.matches()) {
      send(exchange, 200, content);
      return;
    }
    int from = Integer.parseInt(wanted.group(1));
    int to = Math.min(content.length - 1, Integer.parseInt(wanted.group(2)));
    exchange
        .getResponseHeaders()
        .set("Content-Range", "bytes " + from + "-" + to + "/" + content.length);
    exchange.sendResponseHeaders(206, to - from + 1);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(content, from, to - from + 1);
    }
  }

  /** Bytes that a Range header asks for, 0 without one. */
  static int length(String range) {
    Matcher wanted = RANGE.matcher(range);
    return wanted.matches()
        ? Integer.parseInt(wanted.group(2)) - Integer.parseInt(wanted.group(1)) + 1
        : 0;
  }

  /** Promises the range asked for, sends {@code bytes} of it and closes the connection. */
  static void cut(HttpExchange exchange, String range, byte[] content, int bytes)
      throws IOException {
    Matcher wanted = RANGE.matcher(range);
    int from = wanted.matches() ? Integer.parseInt(wanted.group(1)) : 0;
    int to = wanted.matches() ? Integer.parseInt(wanted.group(2)) : content.length - 1;
    exchange
        .getResponseHeaders()
        .set("Content-Range", "bytes " + from + "-" + to + "/" + content.length);
    exchange.sendResponseHeaders(wanted.matches() ? 206 : 200, to - from + 1);
    exchange.getResponseBody().write(content, from, Math.min(bytes, to - from));
    exchange.getResponseBody().flush();
  }

  /** Refuses as the hub does. */
  static void refuse(HttpExchange exchange, int status, String code) throws IOException {
    exchange.getResponseHeaders().set("X-Error-Code", code);
    send(exchange, status, "{\"error\": \"no\"}".getBytes(UTF8));
  }

  static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
  }

  static String sha256(byte[] content) {
    return hash("SHA-256", content);
  }

  static String gitHash(byte[] content) {
    byte[] header = ("blob " + content.length + "\0").getBytes(UTF8);
    byte[] all = new byte[header.length + content.length];
    System.arraycopy(header, 0, all, 0, header.length);
    System.arraycopy(content, 0, all, header.length, content.length);
    return hash("SHA-1", all);
  }

  private static String hash(String algorithm, byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    hub.stop(0);
    cdn.stop(0);
    threads.shutdownNow();
  }
}

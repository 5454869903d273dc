package dev.nibble.io.hub;

import dev.nibble.core.NibbleException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * GET requests to the hub. Redirects are followed here rather than by the JDK's client, which would
 * carry the token along: it goes to the hub's own scheme, host and port and nowhere else, and never
 * over plain http to another machine.
 */
final class HubHttp implements AutoCloseable {
  private static final int MAX_REDIRECTS = 10;
  private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
  private static final Set<Integer> PASSING = Set.of(408, 425, 429);

  private final HubSettings settings;
  private final HttpClient client;
  private final ScheduledExecutorService watch =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("nibble-hub-watch").factory());

  HubHttp(HubSettings settings) {
    this.settings = settings;
    // HTTP/1.1 gives each range a connection of its own; under HTTP/2 they would share one.
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(settings.stall())
            .build();
  }

  /**
   * An answer of status 2xx.
   *
   * @param body to be closed; a silence longer than the settings allow ends it with an IOException
   */
  record Answer(int status, HttpHeaders headers, InputStream body) implements AutoCloseable {
    @Override
    public void close() throws IOException {
      body.close();
    }
  }

  /**
   * Asks for {@code address}.
   *
   * @param what file asked for, or "", for messages
   * @param range value of the Range header, or "" for everything
   * @throws IOException when it is worth trying again
   * @throws NibbleException when it is not
   */
  Answer get(HubTrouble trouble, String what, URI address, String range) throws IOException {
    URI at = address;
    for (int hop = 0; hop <= MAX_REDIRECTS; hop++) {
      HttpResponse<InputStream> response = send(at, range);
      int status = response.statusCode();
      if (status >= 200 && status < 300) {
        return new Answer(status, response.headers(), guarded(response.body()));
      }
      response.body().close();
      if (!REDIRECTS.contains(status)) {
        throw failure(trouble, what, at, response);
      }
      at = target(trouble, what, at, response.headers());
    }
    throw trouble.broken(what, "more than " + MAX_REDIRECTS + " redirects");
  }

  private HttpResponse<InputStream> send(URI at, String range) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(at)
            .timeout(settings.stall())
            .header("User-Agent", "nibble")
            .header("Accept-Encoding", "identity");
    if (!range.isEmpty()) {
      request.header("Range", range);
    }
    if (!settings.token().isEmpty() && settings.isHub(at) && settings.isPrivateWay()) {
      request.header("Authorization", "Bearer " + settings.token());
    }
    try {
      return client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /** The error for a status: thrown by the caller if final, thrown here if it may pass. */
  private NibbleException failure(
      HubTrouble trouble, String what, URI at, HttpResponse<InputStream> response)
      throws IOException {
    int status = response.statusCode();
    // Signed addresses of a CDN expire; the hub hands out a fresh one.
    boolean elsewhere = !settings.isHub(at);
    if (status >= 500 || PASSING.contains(status) || status < 200 || elsewhere) {
      throw new Patience.Busy(
          at.getHost() + " answered " + status, RetryAfter.of(response.headers(), Instant.now()));
    }
    return trouble.refused(status, response.headers().firstValue("X-Error-Code").orElse(""), what);
  }

  private static URI target(HubTrouble trouble, String what, URI from, HttpHeaders headers) {
    String location = headers.firstValue("Location").orElse("");
    URI to;
    try {
      to = from.resolve(location);
    } catch (IllegalArgumentException e) {
      throw trouble.broken(what, "a redirect to something that is no address");
    }
    String scheme = to.getScheme() == null ? "" : to.getScheme();
    boolean web = scheme.equalsIgnoreCase("https") || scheme.equalsIgnoreCase("http");
    boolean weaker =
        from.getScheme().equalsIgnoreCase("https") && !scheme.equalsIgnoreCase("https");
    if (location.isEmpty() || !web || weaker || to.getHost() == null) {
      throw trouble.broken(what, "a redirect that leads to no safe web address");
    }
    return to;
  }

  private InputStream guarded(InputStream body) {
    return new Guarded(body, settings.stall(), watch);
  }

  /** Closes a body that stays silent, which wakes its reader. */
  private static final class Guarded extends FilterInputStream {
    private final Duration stall;
    private final ScheduledFuture<?> check;
    private volatile long asked = System.nanoTime();
    private volatile boolean reading;
    private volatile boolean silent;

    Guarded(InputStream in, Duration stall, ScheduledExecutorService watch) {
      super(in);
      this.stall = stall;
      long period = Math.max(1, stall.toMillis() / 4);
      this.check = watch.scheduleWithFixedDelay(this::check, period, period, TimeUnit.MILLISECONDS);
    }

    private void check() {
      // The reader's own work between reads is no silence of the hub.
      if (reading && System.nanoTime() - asked > stall.toNanos()) {
        silent = true;
        try {
          in.close();
        } catch (IOException e) {
          System.getLogger("dev.nibble.io.hub").log(System.Logger.Level.DEBUG, "closing", e);
        }
        check.cancel(false);
      }
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      asked = System.nanoTime();
      reading = true;
      int n;
      try {
        n = super.read(into, offset, length);
      } catch (IOException e) {
        throw silent ? silence(e) : new IOException("the connection broke", e);
      } finally {
        reading = false;
      }
      if (silent) {
        throw silence(null);
      }
      return n;
    }

    private IOException silence(IOException cause) {
      return new IOException("nothing came for " + stall.toSeconds() + " s", cause);
    }

    @Override
    public void close() throws IOException {
      check.cancel(false);
      super.close();
    }
  }

  @Override
  public void close() {
    watch.shutdownNow();
    client.shutdownNow();
  }
}

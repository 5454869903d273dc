package dev.nibble.io.hub;

import dev.nibble.core.NibbleException;
import dev.nibble.io.file.DiskTrouble;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * How the hub is reached and where its files are kept. The variables are those of other tools.
 *
 * @param endpoint address of the hub, http or https, without a trailing slash
 * @param cache root of the cache
 * @param token access token, or "" for none; goes to the endpoint's own host only
 * @param offline true when nothing may be fetched
 * @param connections most ranges of a file fetched at a time, at least 1
 * @param rangeBytes bytes of a range, at least 1
 * @param stall longest silence of the hub before the connection counts as lost
 * @param firstPause pause after the first failure; doubles with each further one
 */
public record HubSettings(
    URI endpoint,
    Path cache,
    String token,
    boolean offline,
    int connections,
    long rangeBytes,
    Duration stall,
    Duration firstPause) {
  /** The public hub. */
  public static final URI PUBLIC_HUB = URI.create("https://huggingface.co");

  private static final int CONNECTIONS = 4;
  private static final long RANGE_BYTES = 32L << 20;
  private static final Duration STALL = Duration.ofSeconds(60);
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final int MAX_TOKEN_BYTES = 4096;
  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");
  private static final Set<String> TRUE = Set.of("1", "true", "yes", "on");

  /**
   * Settings of this user.
   *
   * @param environment {@code HF_ENDPOINT}, {@code HF_HUB_CACHE}, {@code HF_HOME}, {@code
   *     XDG_CACHE_HOME}, {@code HF_TOKEN}, {@code HF_TOKEN_PATH}, {@code HF_HUB_OFFLINE}
   * @param userHome the user's home directory
   * @throws NibbleException when a variable cannot be used
   */
  public static HubSettings of(Map<String, String> environment, Path userHome) {
    Path home = home(environment, userHome);
    String cache = value(environment, "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE");
    return new HubSettings(
        endpoint(value(environment, "HF_ENDPOINT")),
        cache.isEmpty() ? home.resolve("hub") : expanded(cache, userHome),
        token(environment, home, userHome),
        TRUE.contains(value(environment, "HF_HUB_OFFLINE").toLowerCase(Locale.ROOT)),
        CONNECTIONS,
        RANGE_BYTES,
        STALL,
        FIRST_PAUSE);
  }

  /** These settings with {@code offline} switched on if it is true. */
  public HubSettings offline(boolean also) {
    return new HubSettings(
        endpoint, cache, token, offline || also, connections, rangeBytes, stall, firstPause);
  }

  /** Host and port for messages. */
  String host() {
    return endpoint.getAuthority();
  }

  /** An address below the endpoint. */
  URI at(String encodedPath) {
    return URI.create(endpoint + "/" + encodedPath);
  }

  /** True when {@code address} is on the hub's own host, which alone may see the token. */
  boolean isHub(URI address) {
    return address.getScheme().equalsIgnoreCase(endpoint.getScheme())
        && endpoint.getHost().equalsIgnoreCase(address.getHost())
        && port(address) == port(endpoint);
  }

  /** True when a token can be sent without strangers on the way reading it. */
  boolean isPrivateWay() {
    return endpoint.getScheme().equalsIgnoreCase("https") || LOOPBACK.contains(endpoint.getHost());
  }

  private static int port(URI address) {
    if (address.getPort() >= 0) {
      return address.getPort();
    }
    return address.getScheme().equalsIgnoreCase("https") ? 443 : 80;
  }

  private static URI endpoint(String text) {
    if (text.isEmpty()) {
      return PUBLIC_HUB;
    }
    try {
      URI uri = new URI(text.replaceFirst("/+$", ""));
      boolean web = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
      if (web && uri.getHost() != null && uri.getUserInfo() == null && uri.getQuery() == null) {
        return uri;
      }
      throw new URISyntaxException(text, "no plain web address");
    } catch (URISyntaxException e) {
      throw new NibbleException(
          "HF_ENDPOINT is no web address; set it to the hub's, as " + PUBLIC_HUB + ", or unset it",
          NibbleException.USAGE,
          e);
    }
  }

  private static Path home(Map<String, String> environment, Path userHome) {
    String home = value(environment, "HF_HOME");
    if (!home.isEmpty()) {
      return expanded(home, userHome);
    }
    String caches = value(environment, "XDG_CACHE_HOME");
    Path below = caches.isEmpty() ? userHome.resolve(".cache") : expanded(caches, userHome);
    return below.resolve("huggingface");
  }

  private static String token(Map<String, String> environment, Path home, Path userHome) {
    String token = value(environment, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN");
    String source = "HF_TOKEN";
    if (token.isEmpty()) {
      String path = value(environment, "HF_TOKEN_PATH");
      Path file = path.isEmpty() ? home.resolve("token") : expanded(path, userHome);
      source = file.toString();
      token = Files.isRegularFile(file) ? firstLine(file) : "";
    }
    if (!token.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
      throw new NibbleException(
          source + " is no access token: it holds blanks or other characters that no token has");
    }
    return token;
  }

  private static String firstLine(Path file) {
    try {
      if (Files.size(file) > MAX_TOKEN_BYTES) {
        throw new NibbleException(file + " is too long for an access token; write it anew");
      }
      return Files.readString(file).strip();
    } catch (IOException e) {
      throw DiskTrouble.reading(file, e);
    }
  }

  private static Path expanded(String path, Path userHome) {
    return path.equals("~") || path.startsWith("~/")
        ? userHome.resolve(path.substring(Math.min(2, path.length())))
        : Path.of(path);
  }

  /** The first of the variables that is set, else "". */
  private static String value(Map<String, String> environment, String... names) {
    for (String name : names) {
      String found = environment.getOrDefault(name, "").strip();
      if (!found.isEmpty()) {
        return found;
      }
    }
    return "";
  }

  /** Everything but the token. */
  @Override
  public String toString() {
    return endpoint + ", cache " + cache + (offline ? ", offline" : "");
  }
}

package dev.nibble.io.hub;

import java.net.http.HttpHeaders;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The pause a busy hub asks for: {@code Retry-After} in seconds or as a date (RFC 9110, 10.2.3),
 * else the {@code t} of a {@code RateLimit} header, the seconds until there is quota again.
 */
final class RetryAfter {
  private static final Pattern SECONDS = Pattern.compile("\\d{1,9}");
  private static final Pattern RATE_LIMIT = Pattern.compile(".*;\\s*t=(\\d{1,9})\\b.*");

  private RetryAfter() {}

  /** The pause, zero when none is asked for or the header cannot be read. */
  static Duration of(HttpHeaders headers, Instant now) {
    Optional<String> after = headers.firstValue("Retry-After").map(String::strip);
    if (after.isPresent()) {
      return SECONDS.matcher(after.get()).matches()
          ? Duration.ofSeconds(Long.parseLong(after.get()))
          : untilDate(after.get(), now);
    }
    Matcher limit = RATE_LIMIT.matcher(headers.firstValue("RateLimit").orElse(""));
    return limit.matches() ? Duration.ofSeconds(Long.parseLong(limit.group(1))) : Duration.ZERO;
  }

  private static Duration untilDate(String date, Instant now) {
    try {
      Instant then = ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      return then.isAfter(now) ? Duration.between(now, then) : Duration.ZERO;
    } catch (DateTimeException e) {
      return Duration.ZERO;
    }
  }
}

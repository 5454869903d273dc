package dev.nibble.io.hub;

import dev.nibble.core.NibbleException;
import dev.nibble.io.json.JsonFields;
import java.util.Locale;

/** What went wrong at the hub, as sentences that a user can act on. */
final class HubTrouble {
  private static final double GIGABYTE = 1e9;

  private final HubSettings settings;
  private final HubRepo repo;

  HubTrouble(HubSettings settings, HubRepo repo) {
    this.settings = settings;
    this.repo = repo;
  }

  /**
   * The hub refuses.
   *
   * @param status HTTP status, 4xx
   * @param code value of the hub's X-Error-Code header, or ""
   * @param what file or "" for the repository
   */
  NibbleException refused(int status, String code, String what) {
    boolean gated = code.equals("GatedRepo");
    String problem =
        switch (status) {
          case 401 -> gated ? gated() : unauthorized();
          case 403 -> gated ? gated() : forbidden();
          case 404 -> notFound(code, what);
          default ->
              "%s answered %d for %s; try again later, or look at %s"
                  .formatted(settings.host(), status, named(what), page());
        };
    return bad(problem);
  }

  private String gated() {
    String licence = "%s is gated: accept its licence at %s".formatted(subject(), page());
    return settings.token().isEmpty()
        ? licence + " and set HF_TOKEN to a token of that account" + tokenHint()
        : licence + " with the account that your token belongs to";
  }

  private String unauthorized() {
    if (settings.token().isEmpty()) {
      // The hub does not tell strangers a private repository from none at all.
      return "%s does not exist at %s, or is private: check the spelling, or set HF_TOKEN"
              .formatted(subject(), settings.host())
          + tokenHint();
    }
    return "%s does not accept your token for %s; make a new one at %s/settings/tokens and set HF_TOKEN"
        .formatted(settings.host(), subject(), settings.endpoint());
  }

  private String forbidden() {
    return "%s forbids reading %s: %s"
        .formatted(
            settings.host(),
            subject(),
            settings.token().isEmpty()
                ? "set HF_TOKEN to a token that may read it" + tokenHint()
                : "give your token read access to it at "
                    + settings.endpoint()
                    + "/settings/tokens");
  }

  private String tokenHint() {
    return settings.isPrivateWay() ? "" : " (tokens are sent over https only)";
  }

  private String notFound(String code, String what) {
    return switch (code) {
      case "RevisionNotFound" ->
          "%s has no revision \"%s\"; see the branches and tags at %s"
              .formatted(subject(), repo.revision(), page());
      case "EntryNotFound" -> "%s has no file %s; see %s".formatted(subject(), what, page());
      default ->
          "%s is not at %s; check the spelling%s"
              .formatted(
                  subject(),
                  settings.host(),
                  repo.revision().equals(HubRepo.DEFAULT_REVISION) ? "" : " and the revision");
    };
  }

  /** What the hub sent breaks the rules. */
  NibbleException broken(String what, String problem) {
    return bad(
        "%s sent something wrong for %s: %s; try again, and if it stays so distrust that source"
            .formatted(settings.host(), named(what), problem));
  }

  /** A file is not in a repository, or not in the cache. */
  NibbleException missing(String problem) {
    return bad("%s %s".formatted(subject(), problem));
  }

  /** Nothing may be fetched, and the cache lacks {@code what}. */
  NibbleException offline(String what) {
    return bad(
        "offline, and the cache %s does not hold %s of %s; run the same command once without"
                .formatted(settings.cache(), what, repo.text())
            + " --offline and HF_HUB_OFFLINE");
  }

  /** The files need more room than there is. */
  NibbleException noSpace(long needed, long free) {
    return new NibbleException(
        "%s needs %s more in the cache %s, but its disk has %s free; free some space or set HF_HUB_CACHE to another disk"
            .formatted(repo.text(), gigabytes(needed), settings.cache(), gigabytes(free)),
        NibbleException.RESOURCES,
        null);
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.2f GB", bytes / GIGABYTE);
  }

  /** The hub could not be reached, or gave up midway, until patience ran out. */
  static final class Unreachable extends NibbleException {
    private static final long serialVersionUID = 1L;

    Unreachable(String message, Throwable cause) {
      super(message, RESOURCES, cause);
    }
  }

  /** The error after the last attempt. */
  Unreachable unreachable(String what, Exception cause) {
    return new Unreachable(
        "cannot get %s from %s (%s); check the network and run the same command again, it continues"
                .formatted(named(what), settings.host(), JsonFields.shown(reason(cause)))
            + " where it stopped",
        cause);
  }

  /** The outermost message there is; exceptions of the network often have none. */
  private static String reason(Throwable failure) {
    Throwable at = failure;
    while (at.getMessage() == null && at.getCause() != null) {
      at = at.getCause();
    }
    return at.getMessage() == null ? at.getClass().getSimpleName() : at.getMessage();
  }

  private String subject() {
    return "the " + repo.noun() + " " + repo.id();
  }

  private String named(String what) {
    return what.isEmpty() ? subject() : what + " of " + repo.id();
  }

  private String page() {
    return settings.endpoint() + "/" + repo.page();
  }

  private static NibbleException bad(String sentence) {
    return new NibbleException(sentence, NibbleException.BAD_INPUT, null);
  }
}

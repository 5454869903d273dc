package dev.nibble.io.hub;

import dev.nibble.core.NibbleException;
import dev.nibble.io.json.JsonFields;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A repository of the hub at one revision.
 *
 * @param kind what it holds
 * @param owner user or organisation
 * @param name name within the owner
 * @param revision branch, tag, commit or {@code refs/pr/N}
 */
public record HubRepo(Kind kind, String owner, String name, String revision) {
  /** Revision of an id that names none. */
  public static final String DEFAULT_REVISION = "main";

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,95}");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

  /** What a repository holds. */
  public enum Kind {
    /** A model. */
    MODEL(""),
    /** A data set. */
    DATASET("datasets/");

    private final String prefix;

    Kind(String prefix) {
      this.prefix = prefix;
    }

    /** How the kind is called in the API and in the cache. */
    private String plural() {
      return name().toLowerCase(Locale.ROOT) + "s";
    }
  }

  /**
   * Checks the parts, which become paths and addresses.
   *
   * @throws NibbleException when one is no name the hub allows
   */
  public HubRepo {
    for (String part : new String[] {owner, name}) {
      if (!NAME.matcher(part).matches() || part.contains("..") || part.contains("--")) {
        throw new NibbleException(
            "\"%s/%s\" is no hub id: owner and name are letters, digits, - _ and ."
                .formatted(JsonFields.shown(owner), JsonFields.shown(name)));
      }
    }
    if (!HubPaths.isSafe(revision)) {
      throw new NibbleException(
          "\"%s\" of %s/%s is no revision; give a branch, tag or commit"
              .formatted(JsonFields.shown(revision), owner, name));
    }
  }

  /**
   * Reads {@code owner/name[@revision]}.
   *
   * @throws NibbleException when the text is not of that form
   */
  static HubRepo parse(Kind kind, String text) {
    int at = text.indexOf('@');
    String id = at < 0 ? text : text.substring(0, at);
    int slash = id.indexOf('/');
    if (slash < 0) {
      throw new NibbleException(
          "\"%s\" is no hub id; write owner/name or owner/name@revision"
              .formatted(JsonFields.shown(text)));
    }
    String revision = at < 0 ? DEFAULT_REVISION : text.substring(at + 1);
    return new HubRepo(kind, id.substring(0, slash), id.substring(slash + 1), revision);
  }

  /** {@code owner/name}. */
  public String id() {
    return owner + "/" + name;
  }

  /** As the user would write it: id and, unless it is the default, revision. */
  public String text() {
    return kind.prefix + id() + (revision.equals(DEFAULT_REVISION) ? "" : "@" + revision);
  }

  /** The word for messages: model or data set. */
  String noun() {
    return kind == Kind.MODEL ? "model" : "data set";
  }

  /** True when the revision is a full commit hash, which never moves. */
  boolean isPinned() {
    return isCommit(revision);
  }

  /** True for 40 lower-case hexadecimal digits. */
  static boolean isCommit(String text) {
    return COMMIT.matcher(text).matches();
  }

  /** Folder in the cache. */
  String folder() {
    return kind.plural() + "--" + owner + "--" + name;
  }

  /** Page for people, below the endpoint. */
  String page() {
    return kind.prefix + id();
  }

  /** Path of the API that tells about a revision, below the endpoint. */
  String revisionPath() {
    return "api/" + kind.plural() + "/" + id() + "/revision/" + encoded(revision);
  }

  /** Path of the API that lists the files of a commit, below the endpoint. */
  String treePath(String commit) {
    return "api/" + kind.plural() + "/" + id() + "/tree/" + commit;
  }

  /** Path of a file's content, below the endpoint. */
  String contentPath(String commit, String file) {
    return page()
        + "/resolve/"
        + commit
        + "/"
        + Arrays.stream(file.split("/")).map(HubRepo::encoded).collect(Collectors.joining("/"));
  }

  private static String encoded(String segment) {
    return URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20");
  }
}

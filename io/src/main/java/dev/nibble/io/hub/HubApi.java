package dev.nibble.io.hub;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.core.NibbleException;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The two questions asked of the hub's API: which commit, and which files. */
final class HubApi {
  private static final int MAX_ANSWER_BYTES = 16 << 20;
  private static final int MAX_FILES = 200_000;
  private static final Pattern NEXT = Pattern.compile("<([^>]*)>\\s*;[^,]*rel=\"?next\"?");
  private static final Pattern SHA1 = Pattern.compile("[0-9a-f]{40}");
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

  private final Session session;
  private final HubRepo repo;
  private final HubTrouble trouble;

  HubApi(Session session) {
    this.session = session;
    this.repo = session.repo();
    this.trouble = session.trouble();
  }

  private record Page(byte[] body, HttpHeaders headers) {}

  /**
   * The commit that the revision stands for now.
   *
   * @throws NibbleException when there is no such revision, or it may not be read
   */
  String commit() {
    Page page = page(session.settings().at(repo.revisionPath()));
    JsonFields answer = StrictJson.object(Path.of(repo.id()), "revision", page.body());
    String sha = answer.string("sha");
    if (!HubRepo.isCommit(sha) || (repo.isPinned() && !sha.equals(repo.revision()))) {
      throw trouble.broken("", "\"" + JsonFields.shown(sha) + "\" as the commit");
    }
    return sha;
  }

  /** All files of a commit that have a name fit for every file system. */
  List<HubFile> files(String commit) {
    List<HubFile> files = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    URI first = session.settings().at(repo.treePath(commit) + "?recursive=true");
    Optional<URI> at = Optional.of(first);
    while (at.isPresent()) {
      Page page = page(at.get());
      int before = seen.size();
      for (JsonFields entry :
          StrictJson.objects(Path.of(repo.id()), "list of files", page.body())) {
        add(entry, seen, files);
      }
      at = next(first, page.headers());
      if (seen.size() > MAX_FILES || (at.isPresent() && seen.size() == before)) {
        throw trouble.broken("the list of files", "a list without end");
      }
    }
    return files;
  }

  private void add(JsonFields entry, Set<String> seen, List<HubFile> files) {
    String path = entry.string("path");
    if (HubPaths.isHostile(path)) {
      throw trouble.broken(
          "the list of files",
          "\"" + JsonFields.shown(path) + "\" would lead out of the model's folder");
    }
    if (!seen.add(path)) {
      throw trouble.broken("the list of files", JsonFields.shown(path) + " is listed twice");
    }
    if (!entry.string("type").equals("file") || !HubPaths.isSafe(path)) {
      return;
    }
    Optional<JsonFields> lfs = entry.optionalObject("lfs");
    JsonFields content = lfs.orElse(entry);
    String oid = content.string("oid");
    if (!(lfs.isPresent() ? SHA256 : SHA1).matcher(oid).matches()) {
      throw content.problem("oid", "\"" + JsonFields.shown(oid) + "\" is no hash");
    }
    files.add(new HubFile(path, size(content), oid));
  }

  private static long size(JsonFields content) {
    JsonNode size = content.node().path("size");
    if (!size.isIntegralNumber() || !size.canConvertToLong() || size.longValue() < 0) {
      throw content.problem("size", "is no number of bytes");
    }
    return size.longValue();
  }

  /** The page after this one: always our own address, with the cursor that the hub gave. */
  private Optional<URI> next(URI first, HttpHeaders headers) {
    Matcher link = NEXT.matcher(String.join(",", headers.allValues("Link")));
    if (!link.find()) {
      return Optional.empty();
    }
    try {
      String query = URI.create(link.group(1)).getRawQuery();
      String base = first.toString();
      return Optional.of(URI.create(base.substring(0, base.indexOf('?')) + "?" + query));
    } catch (IllegalArgumentException e) {
      throw trouble.broken("the list of files", "a next page that is no address");
    }
  }

  private Page page(URI address) {
    return session.insist(
        "",
        () -> 0,
        () -> {
          try (HubHttp.Answer answer = session.get("", address, "")) {
            return new Page(bounded(answer.body()), answer.headers());
          }
        });
  }

  private byte[] bounded(InputStream in) throws IOException {
    byte[] bytes = in.readNBytes(MAX_ANSWER_BYTES + 1);
    if (bytes.length > MAX_ANSWER_BYTES) {
      throw trouble.broken("", "an answer of more than " + MAX_ANSWER_BYTES + " bytes");
    }
    return bytes;
  }
}

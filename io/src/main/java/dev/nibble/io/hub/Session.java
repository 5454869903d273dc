package dev.nibble.io.hub;

import dev.nibble.core.progress.Progress;
import java.io.IOException;
import java.net.URI;
import java.util.function.LongSupplier;

/**
 * Dealings with the hub about one repository.
 *
 * @param settings how the hub is reached
 * @param repo the repository
 * @param http carries the requests
 * @param progress where the user is told
 */
record Session(HubSettings settings, HubRepo repo, HubHttp http, Progress progress) {
  /** Errors about this repository. */
  HubTrouble trouble() {
    return new HubTrouble(settings, repo);
  }

  /** One request; see {@link HubHttp#get}. */
  HubHttp.Answer get(String what, URI address, String range) throws IOException {
    return http.get(trouble(), what, address, range);
  }

  /** Requests until one succeeds; see {@link Patience#insist}. */
  <T> T insist(String what, LongSupplier done, Patience.Attempt<T> attempt) {
    return new Patience(settings.firstPause(), progress).insist(trouble(), what, done, attempt);
  }

  /** Address of a file's content. */
  URI content(String commit, HubFile file) {
    return settings.at(repo.contentPath(commit, file.path()));
  }
}

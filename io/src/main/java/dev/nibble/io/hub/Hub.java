package dev.nibble.io.hub;

import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Brings models and data files of the hub to this machine and says where they are. What the cache
 * has is not fetched again; what an earlier run began is continued. Several processes may ask for
 * the same model: one fetches each file, the others wait for it.
 */
public final class Hub implements AutoCloseable {
  private final HubSettings settings;
  private final Progress progress;
  private final HubHttp http;
  private final Workers workers;

  /** A client; closing it ends its connections. */
  public Hub(HubSettings settings, Progress progress) {
    this.settings = settings;
    this.progress = progress;
    this.http = new HubHttp(settings);
    this.workers = new Workers(settings.connections());
    if (!settings.token().isEmpty() && !settings.isPrivateWay() && !settings.offline()) {
      progress.note("the token is not sent to " + settings.host() + ": it is not https");
    }
  }

  /**
   * A model.
   *
   * @return a directory for {@link dev.nibble.io.model.OpenedModel#open}, or the GGUF file
   * @throws NibbleException when the hub has no such model or refuses it, sends something that is
   *     not what it lists, or cannot be reached and the cache lacks the model; when the disk is
   *     full
   */
  public Path fetch(HubModel model) {
    Function<Path, String> missing =
        model.gguf().isEmpty()
            ? ModelFiles::missing
            : snapshot -> Files.exists(snapshot.resolve(model.gguf())) ? "" : model.gguf();
    Path snapshot =
        snapshot(
            model.repo(),
            missing,
            (files, transfer) -> {
              if (model.gguf().isEmpty()) {
                List<HubFile> companions = files.companions();
                transfer.small(companions);
                transfer.large(files.weights(transfer.snapshot()));
              } else {
                transfer.large(List.of(files.file(model.gguf())));
              }
            });
    return snapshot.resolve(model.gguf());
  }

  /**
   * A file of a data set.
   *
   * @return the file
   * @throws NibbleException as for a model
   */
  public Path fetch(HubDataFile data) {
    Path snapshot =
        snapshot(
            data.repo(),
            dir -> Files.exists(dir.resolve(data.file())) ? "" : data.file(),
            (files, transfer) -> transfer.large(List.of(files.file(data.file()))));
    return snapshot.resolve(data.file());
  }

  /** Fetches what is wanted of a repository's files. */
  private interface Choice {
    void fetch(ModelFiles files, Transfer transfer);
  }

  private Path snapshot(HubRepo repo, Function<Path, String> missing, Choice choice) {
    HubCache cache = new HubCache(settings.cache(), repo);
    Session session = new Session(settings, repo, http, progress);
    if (settings.offline()) {
      return cached(session, cache, missing);
    }
    HubApi api = new HubApi(session);
    String commit;
    try {
      commit = api.commit();
    } catch (HubTrouble.Unreachable e) {
      return instead(repo, cache, missing, e);
    }
    ModelFiles files = new ModelFiles(api.files(commit), session.trouble());
    choice.fetch(files, new Transfer(session, workers, commit, cache));
    cache.remember(repo, commit);
    return cache.snapshot(commit);
  }

  private static Path cached(Session session, HubCache cache, Function<Path, String> missing) {
    HubTrouble trouble = session.trouble();
    Optional<Path> snapshot =
        cache.commit(session.repo()).map(cache::snapshot).filter(Files::isDirectory);
    if (snapshot.isEmpty()) {
      throw trouble.offline("any file");
    }
    String lacking = missing.apply(snapshot.get());
    if (!lacking.isEmpty()) {
      throw trouble.offline(lacking);
    }
    return snapshot.get();
  }

  /** The cached model where the hub cannot be reached, said aloud. */
  private Path instead(
      HubRepo repo, HubCache cache, Function<Path, String> missing, HubTrouble.Unreachable cause) {
    Optional<Path> snapshot = cache.commit(repo).map(cache::snapshot).filter(Files::isDirectory);
    if (snapshot.isEmpty() || !missing.apply(snapshot.get()).isEmpty()) {
      throw cause;
    }
    progress.note(
        "%s cannot be reached; using %s as cached, commit %s"
            .formatted(settings.host(), repo.text(), snapshot.get().getFileName()));
    return snapshot.get();
  }

  @Override
  public void close() {
    workers.close();
    http.close();
  }
}

package dev.nibble.io.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ids as users write them, and settings as the environment gives them. */
class HubNamesTest {
  @TempDir Path home;

  @ParameterizedTest
  @CsvSource({
    "Qwen/Qwen2.5-0.5B, Qwen/Qwen2.5-0.5B, main, ''",
    "a/b@v1.0, a/b, v1.0, ''",
    "a/b@refs/pr/3, a/b, refs/pr/3, ''",
    "a/b:x-Q4_K_M.gguf, a/b, main, x-Q4_K_M.gguf",
    "a/b@v1:dir/x.gguf, a/b, v1, dir/x.gguf",
  })
  void idsAreRead(String text, String id, String revision, String gguf) {
    HubModel model = HubModel.parse(text);
    assertThat(model.repo().id()).isEqualTo(id);
    assertThat(model.repo().revision()).isEqualTo(revision);
    assertThat(model.gguf()).isEqualTo(gguf);
    assertThat(model.text()).isEqualTo(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "gpt2",
        "a/b/c",
        "./a/b",
        "../a",
        "/a/b",
        "a/..",
        "a/b--c",
        "a/b@",
        "a/b@../x",
        "a/b@/x",
        "a/b:",
        "a/b:x.bin",
        "a/b:../x.gguf",
        "a/b:/x.gguf",
        "a b/c",
        "a/b?x",
        "a\\b/c",
        "C:/models/x.gguf"
      })
  void otherTextsAreNoIds(String text) {
    assertThat(HubModel.matches(text)).isFalse();
    assertThatThrownBy(() -> HubModel.parse(text)).isInstanceOf(NibbleException.class);
  }

  @Test
  void outputsAreNamedAfterTheModel() {
    assertThat(HubModel.parse("a/b@v1").shortName()).isEqualTo("b");
    assertThat(HubModel.parse("a/b:dir/x-Q4.gguf").shortName()).isEqualTo("x-Q4");
  }

  @Test
  void dataFilesAreRead() {
    HubDataFile file = HubDataFile.parse("datasets/a/b@v2#en/train.jsonl.gz");
    assertThat(file.repo()).isEqualTo(new HubRepo(HubRepo.Kind.DATASET, "a", "b", "v2"));
    assertThat(file.file()).isEqualTo("en/train.jsonl.gz");
    assertThat(file.repo().folder()).isEqualTo("datasets--a--b");
    assertThat(file.repo().contentPath("c", "en/a b.txt"))
        .isEqualTo("datasets/a/b/resolve/c/en/a%20b.txt");
    assertThatThrownBy(() -> HubDataFile.parse("datasets/a/b#x.parquet"))
        .hasMessageContaining(".jsonl");
    assertThatThrownBy(() -> HubDataFile.parse("datasets/a/b")).hasMessageContaining("#FILE");
  }

  @Test
  void theEnvironmentIsThatOfOtherTools() throws IOException {
    HubSettings plain = HubSettings.of(Map.of(), home);
    assertThat(plain.endpoint()).isEqualTo(HubSettings.PUBLIC_HUB);
    assertThat(plain.cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
    assertThat(plain.token()).isEmpty();
    assertThat(plain.offline()).isFalse();

    Path elsewhere = Files.createDirectory(home.resolve("hf"));
    Files.writeString(elsewhere.resolve("token"), "hf_file\n");
    Map<String, String> set =
        Map.of("HF_HOME", "~/hf", "HF_ENDPOINT", "https://mirror/x/", "HF_HUB_OFFLINE", "1");
    HubSettings settings = HubSettings.of(set, home);
    assertThat(settings.cache()).isEqualTo(elsewhere.resolve("hub"));
    assertThat(settings.token()).isEqualTo("hf_file");
    assertThat(settings.offline()).isTrue();
    assertThat(settings.at("api/y")).isEqualTo(URI.create("https://mirror/x/api/y"));
    assertThat(settings).asString().doesNotContain("hf_file");

    Map<String, String> both =
        Map.of("HF_TOKEN", "hf_env", "HF_HOME", "~/hf", "HF_HUB_CACHE", "/c");
    assertThat(HubSettings.of(both, home).token()).isEqualTo("hf_env");
    assertThat(HubSettings.of(both, home).cache()).isEqualTo(Path.of("/c"));
  }

  @Test
  void aBadEnvironmentIsRefusedWithoutShowingTheToken() {
    assertThatThrownBy(() -> HubSettings.of(Map.of("HF_TOKEN", "hf_x y"), home))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("HF_TOKEN")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("hf_x"));
    for (String bad : List.of("hub", "ftp://hub", "https://", "https://u:p@hub", "https://h?q")) {
      assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", bad), home))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("HF_ENDPOINT");
    }
  }

  @Test
  void onlyTheHubItselfMaySeeTheToken() {
    HubSettings settings = HubSettings.of(Map.of(), home);
    assertThat(settings.isHub(URI.create("https://huggingface.co:443/x"))).isTrue();
    assertThat(settings.isHub(URI.create("http://huggingface.co/x"))).isFalse();
    assertThat(settings.isHub(URI.create("https://cdn.huggingface.co/x"))).isFalse();
    assertThat(settings.isHub(URI.create("https://huggingface.co:8443/x"))).isFalse();
    Map<String, String> plain = Map.of("HF_ENDPOINT", "http://mirror.local");
    assertThat(HubSettings.of(plain, home).isPrivateWay()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "Retry-After, 17, 17",
    "Retry-After, 'Wed, 21 Oct 2015 07:28:30 GMT', 30",
    "Retry-After, 'Wed, 21 Oct 2015 07:27:00 GMT', 0",
    "Retry-After, soon, 0",
    "RateLimit, '\"api\";r=0;t=42', 42",
    "Other, 5, 0",
  })
  void thePauseIsTheOneAskedFor(String name, String value, long seconds) {
    HttpHeaders headers = HttpHeaders.of(Map.of(name, List.of(value)), (a, b) -> true);
    Instant now = Instant.parse("2015-10-21T07:28:00Z");
    assertThat(RetryAfter.of(headers, now)).isEqualTo(Duration.ofSeconds(seconds));
  }
}

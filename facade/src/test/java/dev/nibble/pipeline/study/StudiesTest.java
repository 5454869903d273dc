package dev.nibble.pipeline.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.StepRegistry;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.testing.SharedData;
import dev.nibble.eval.report.Section;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.model.NibbleArtefact;
import dev.nibble.pipeline.evaluate.EvaluationOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StudiesTest {
  @TempDir Path temp;

  @ParameterizedTest
  @MethodSource("dev.nibble.pipeline.study.Studies#names")
  void everyStudyIsReadable(String name) {
    Study study = Studies.load(name);
    assertThat(study.entries()).isNotEmpty();
    assertThat(study.entries().stream().map(StudyEntry::id)).doesNotHaveDuplicates();
    assertThat(study.about()).isNotBlank();
  }

  @Test
  void unknownStudiesAndMethodsAreRefusedWithTheNamesThereAre() {
    assertThatThrownBy(() -> Studies.load("qwen"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("qwen3");
    assertThatThrownBy(() -> Studies.load("ptq-bench").only(List.of("GPTK")))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("GPTK")
        .hasMessageContaining("GPTQ");
  }

  @Test
  void aTaxonomyNamesOnlyStepsThatExist() {
    List<String> steps = StepRegistry.load().all().stream().map(StepFactory::name).toList();
    for (Study.MethodClass c : Studies.load("ptq-bench").classes()) {
      c.members().stream()
          .filter(member -> !member.step().isEmpty())
          .forEach(member -> assertThat(steps).contains(member.step()));
    }
  }

  @Test
  void everyFileOfClaimsIsListed() throws IOException {
    try (Stream<Path> files =
        Files.list(
            SharedData.repositoryRoot()
                .resolve("facade/src/main/resources/dev/nibble/pipeline/study/yardsticks"))) {
      assertThat(
              files
                  .map(file -> file.getFileName().toString())
                  .filter(name -> name.endsWith(".yaml"))
                  .map(name -> name.replace(".yaml", "")))
          .containsExactlyInAnyOrderElementsOf(Studies.claimants());
    }
  }

  @Test
  void variantsAreFilledIn() {
    Study study =
        StudyText.study(
            "{ name: s, about: x, methods: [ { name: RTN, vary: { bits: [ 8, 4 ], group: [ g32,"
                + " channel ] }, steps: [ { rtn: { spec: \"int${bits}:${group}\" } } ] } ] }",
            "s");
    assertThat(study.entries().stream().map(StudyEntry::id))
        .containsExactly("rtn-b8-gg32", "rtn-b8-gchannel", "rtn-b4-gg32", "rtn-b4-gchannel");
    assertThat(study.entries().get(2).recipe().canonical()).contains("int4:g32");
  }

  @Test
  void aStudyRunsResumesAndJudges() throws IOException {
    StudyText.Claims claims =
        StudyText.claims(
            "{ method: rtn, claims: [ { claim: more bits are better, recipes: { w8: { steps: [ {"
                + " rtn: { spec: int8:g32 } } ] }, w3: { steps: [ { rtn: { spec: int3:g32 } } ] } },"
                + " expect: w8 < w3 }, { claim: and fewer worse, recipes: { a: { steps: [ { rtn: {"
                + " spec: int8:g32 } } ] }, b: { steps: [ { rtn: { spec: int3:g32 } } ] } }, expect:"
                + " b < a } ] }",
            "rtn");
    Study study =
        new Study("s", "S", "?", List.of("bundled"), claims.entries(), List.of(), claims.claims());
    StudyRun run =
        new StudyRun(
            study,
            List.of(SharedData.repositoryRoot().resolve("models/tiny-lm")),
            temp,
            EvaluationOptions.DEFAULT,
            new DataCatalog(SharedData.repositoryRoot().resolve("models/tiny-lm/samples"), null),
            2,
            Optional.empty(),
            Progress.SILENT);
    StudyResult first = run.run();
    assertThat(first.rows().stream().map(row -> row.cell().problem())).containsOnly("");
    assertThat(first.verdicts("tiny-lm").stream().map(StudyResult.Verdict::holds))
        .containsExactly(true, false);
    Path made = temp.resolve("tiny-lm-rtn-1-w8").resolve(NibbleArtefact.WEIGHTS);
    FileTime time = Files.getLastModifiedTime(made);
    assertThat(temp.resolve("tiny-lm-rtn-2-a")).as("the same recipe runs once").doesNotExist();
    StudyReport report = new StudyReport(run.run());
    assertThat(Files.getLastModifiedTime(made)).isEqualTo(time);
    report.write(temp, "test");
    Section.Table table = report.tables().getFirst();
    assertThat(table.lead()).startsWith("1 of 2 relations hold");
    assertThat(table.rows().getFirst()).contains("holds").contains("more bits are better");
    assertThat(temp.resolve("report.html")).content().contains("more bits are better");
    assertThat(temp.resolve("results.csv")).content().startsWith("model,method");
    assertThat(temp.resolve("report.md")).content().contains("does not hold");
  }
}

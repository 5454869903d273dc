package dev.nibble;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.nibble.core.testing.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The arrows of the design: who may know whom. */
class ArchitectureTest {
  private static JavaClasses classes;

  @BeforeAll
  static void read() {
    classes =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .withImportOption(location -> !location.contains("/test-classes/"))
            .withImportOption(location -> !location.contains("-tests.jar"))
            .importPackages("dev.nibble");
  }

  @Test
  void arrowsPointDownAndWingsDoNotSeeEachOther() {
    layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .layer("core")
        .definedBy("dev.nibble.core..")
        .layer("io")
        .definedBy("dev.nibble.io..")
        .layer("models")
        .definedBy("dev.nibble.models..")
        .layer("compress")
        .definedBy("dev.nibble.compress..")
        .layer("runtime")
        .definedBy("dev.nibble.runtime..")
        .layer("eval")
        .definedBy("dev.nibble.eval..")
        .layer("facade")
        .definedBy("dev.nibble", "dev.nibble.pipeline..")
        .whereLayer("core")
        .mayNotAccessAnyLayer()
        .whereLayer("io")
        .mayOnlyAccessLayers("core")
        .whereLayer("models")
        .mayOnlyAccessLayers("core", "io")
        .whereLayer("compress")
        .mayOnlyAccessLayers("core", "io", "models")
        .whereLayer("runtime")
        .mayOnlyAccessLayers("core", "io")
        .whereLayer("eval")
        .mayOnlyAccessLayers("core", "io")
        .check(classes);
  }

  @Test
  void coreNeedsTheJdkAlone() {
    noClasses()
        .that()
        .resideInAPackage("dev.nibble.core..")
        .should()
        .dependOnClassesThat()
        .resideOutsideOfPackages("dev.nibble.core..", "java..", "jdk.incubator..")
        .check(classes);
  }

  @Test
  void libtorchIsKnownToModelsAndCompressOnly() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.nibble.models..", "dev.nibble.compress..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.bytedeco..")
        .check(classes);
  }

  @Test
  void theRuntimeHasNoNativeLibrary() {
    noClasses()
        .that()
        .resideInAnyPackage("dev.nibble.runtime..", "dev.nibble.core..", "dev.nibble.io..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.bytedeco..", "ai.djl..", "de.kherud..")
        .check(classes);
  }

  @Test
  void everyPackageSaysWhatItIsFor() throws IOException {
    Path root = SharedData.repositoryRoot();
    try (Stream<Path> modules = Files.list(root)) {
      List<Path> lacking =
          modules
              .flatMap(m -> Stream.of(m.resolve("src/main/java"), m.resolve("src/test/java")))
              .filter(Files::isDirectory)
              .flatMap(ArchitectureTest::packagesWithout)
              .toList();
      assertThat(lacking).isEmpty();
    }
  }

  /** Folders with classes; a test package may lean on the text of the package it tests. */
  private static Stream<Path> packagesWithout(Path sources) {
    Path main = sources.getParent().resolveSibling("main").resolve("java");
    try (Stream<Path> folders = Files.walk(sources)) {
      return folders
          .filter(Files::isDirectory)
          .filter(ArchitectureTest::hasClasses)
          .filter(f -> !Files.exists(f.resolve("package-info.java")))
          .filter(
              f -> !Files.exists(main.resolve(sources.relativize(f)).resolve("package-info.java")))
          .toList()
          .stream();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static boolean hasClasses(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.anyMatch(f -> f.toString().endsWith(".java"));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}

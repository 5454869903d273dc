package dev.nibble.io.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PartMapTest {
  @TempDir Path directory;

  private Path partial() {
    return directory.resolve("x.incomplete");
  }

  private PartMap open(long size, long partBytes) throws IOException {
    long data = Files.exists(partial()) ? Files.size(partial()) : 0;
    return PartMap.open(PartMap.beside(partial()), size, partBytes, data);
  }

  private void begin() throws IOException {
    Files.write(partial(), new byte[25]);
    try (PartMap map = open(25, 10)) {
      map.advance(0, 10);
      map.advance(2, 3);
      map.record(0);
      map.record(2);
    }
  }

  @Test
  void rangesCoverTheFileAndTheLastIsShort() throws IOException {
    try (PartMap map = open(25, 10)) {
      assertThat(map.parts()).isEqualTo(3);
      assertThat(map.start(2)).isEqualTo(20);
      assertThat(map.end(2)).isEqualTo(25);
    }
    try (PartMap map = open(1L << 50, 1)) {
      assertThat(map.parts()).isLessThanOrEqualTo(1 << 20);
      assertThat(map.end(map.parts() - 1)).isEqualTo(1L << 50);
    }
  }

  @Test
  void whatIsRecordedIsThereNextTimeInTheOldRanges() throws IOException {
    begin();
    try (PartMap map = open(25, 4)) {
      assertThat(map.parts()).isEqualTo(3);
      assertThat(map.next(0)).isEqualTo(10);
      assertThat(map.next(1)).isEqualTo(10);
      assertThat(map.next(2)).isEqualTo(23);
      assertThat(map.done()).isEqualTo(13);
    }
    assertThat(PartMap.doneBeside(partial(), 25)).isEqualTo(13);
  }

  @Test
  void aMapOfAnotherFileIsDiscarded() throws IOException {
    begin();
    assertThat(PartMap.doneBeside(partial(), 24)).isZero();
    try (PartMap map = open(24, 10)) {
      assertThat(map.done()).isZero();
    }
  }

  @Test
  void bytesBeyondTheEndOfTheDataAreNotDone() throws IOException {
    begin();
    Files.write(partial(), new byte[22]);
    try (PartMap map = open(25, 10)) {
      assertThat(map.done()).isZero();
    }
  }

  @Test
  void aDamagedMapIsReadAsSomethingPossibleOrNotAtAll() throws IOException {
    begin();
    byte[] good = Files.readAllBytes(PartMap.beside(partial()));
    Random random = new Random(11);
    for (int i = 0; i < 500; i++) {
      byte[] bad = Arrays.copyOf(good, random.nextInt(good.length + 9));
      for (int k = 0; k < 3 && bad.length > 0; k++) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      }
      Files.write(PartMap.beside(partial()), bad);
      try (PartMap map = open(25, 10)) {
        assertThat(map.done()).isBetween(0L, 25L);
        assertThat(map.end(map.parts() - 1)).isEqualTo(25);
      }
    }
  }
}

package dev.nibble.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.runtime.decoder.KvKinds;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Decoding allocates nothing. In a process of its own: what other tests ran before changes how the
 * compiler sees the kernels, and code that it sees badly allocates its vectors.
 */
class AllocationTest {
  private static final RuntimeOptions ONE = RuntimeOptions.DEFAULT.withThreads(1);
  private static final int STEPS = 200;
  private static final int WINDOWS = 2_000;

  /** Bytes that a step may take: counters and the like of the virtual machine. */
  private static final long NOTHING = 64;

  /** Prints for each case what a step allocates. */
  public static void main(String[] arguments) {
    for (String cache : List.of("fp32", "fp16", "k=q8,v=q4", "k=q4,v=q8")) {
      System.out.println("session " + cache + ": " + session(cache));
    }
    System.out.println("batch: " + batch());
    System.out.println("8-bit activations: " + quantized());
  }

  private static long quantized() {
    ModelConfig config = RandomModel.llama(2, 4, 2, 32, 192, 101);
    RandomModel weights =
        new RandomModel(config, 4)
            .mappedWhole(
                t ->
                    RoundToNearest.quantize(
                        t.toFloats(),
                        t.shape(),
                        QuantSpec.parse("int4:g32"),
                        RoundingOptions.DEFAULT));
    try (TextModel model = TextModel.of(weights, ONE)) {
      Session session = model.newSession();
      return bytesPerStep(
          () -> {
            if (session.position() == 250) {
              session.rewind(0);
            }
            session.decode(session.position() % 101);
          });
    }
  }

  private static TextModel model(RuntimeOptions options) {
    ModelConfig config = RandomModel.llama(2, 8, 4, 8, 172, 101);
    return TextModel.of(new RandomModel(config, 4), options);
  }

  private static long session(String cache) {
    try (TextModel model = model(ONE.withCache(KvKinds.parse(cache)))) {
      Session session = model.newSession();
      Sampler sampler = new Sampler(Sampling.balanced(7), 101);
      return bytesPerStep(
          () -> {
            if (session.position() == 250) {
              session.rewind(0);
            }
            sampler.next(session.decode(session.position() % 101), 0);
          });
    }
  }

  private static long batch() {
    try (TextModel model = model(ONE)) {
      List<Session> sessions = Stream.generate(model::newSession).limit(4).toList();
      Batch batch = model.newBatch();
      return bytesPerStep(
          () -> {
            for (int s = 0; s < 4; s++) {
              if (sessions.get(s).position() == 250) {
                sessions.get(s).rewind(0);
              }
              batch.add(sessions.get(s), (sessions.get(s).position() + s) % 101);
            }
            batch.step();
          });
    }
  }

  /** Compilation runs beside the loop: windows are measured until one is free of its warm-up. */
  private static long bytesPerStep(Runnable step) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long self = Thread.currentThread().threadId();
    long least = Long.MAX_VALUE;
    for (int window = 0; window < WINDOWS && least >= NOTHING; window++) {
      long before = threads.getThreadAllocatedBytes(self);
      for (int i = 0; i < STEPS; i++) {
        step.run();
      }
      least = Math.min(least, (threads.getThreadAllocatedBytes(self) - before) / STEPS);
    }
    return least;
  }

  @Test
  void decodingAllocatesNothing() throws IOException {
    String surefire = System.getProperty("surefire.test.class.path");
    String classPath = surefire != null ? surefire : System.getProperty("java.class.path");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                classPath,
                AllocationTest.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    List<String> lines = process.inputReader().lines().toList();
    assertThat(lines).hasSize(6);
    assertThat(lines)
        .allSatisfy(
            line -> assertThat(Long.parseLong(line.replaceFirst(".*: ", ""))).isLessThan(NOTHING));
  }
}

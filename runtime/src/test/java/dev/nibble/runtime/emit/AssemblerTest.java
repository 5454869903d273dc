package dev.nibble.runtime.emit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Compares every instruction with what another assembler makes of it: {@code encodings.txt}. */
class AssemblerTest {
  private static final Pattern MEMORY =
      Pattern.compile("\\[(\\w+?)(?:\\+(\\w+)\\*4)?([+-]0x\\w+)?](?:\\{1to16})?");

  /** Methods that are no instruction, or several. */
  private static final Set<String> OTHERS = Set.of("align");

  /** Methods that are not called like their instruction. */
  private static final Map<String, String> NAMES =
      Map.of("xor", "zero", "vpternlogd", "vorand", "mov dword", "mov32");

  /** An instruction as the golden file has it. */
  private record Golden(String bytes, String text) {

    /** The method's name, with what tells it from others of the instruction. */
    String method() {
      String mnemonic = text.split(" ", 2)[0];
      String withSize = text.startsWith("mov dword") ? "mov dword" : mnemonic;
      return NAMES.getOrDefault(withSize, mnemonic);
    }

    /** Arguments in the method's order. */
    List<Object> arguments() {
      String method = method();
      String[] words = text.split(" ", 2);
      List<Object> values = new ArrayList<>();
      for (String word : words.length == 1 ? new String[0] : words[1].split(", ")) {
        values.add(operand(word));
      }
      return switch (method) {
        case "zero" -> values.subList(0, 1);
        case "imul" -> List.of(values.get(0), values.get(2));
        case "vorand" -> values.subList(0, 3);
        default -> values;
      };
    }

    private static Object operand(String word) {
      Matcher memory = MEMORY.matcher(word);
      if (memory.find()) {
        Gpr index = memory.group(2) == null ? null : general(memory.group(2));
        int disp = memory.group(3) == null ? 0 : number(memory.group(3));
        return new Mem(general(memory.group(1)), index, disp);
      }
      if (word.startsWith(".")) { // a distance from here: the code is empty so far
        return number(word.substring(1));
      }
      if (word.matches("[xyz]mm\\d+")) {
        return Integer.parseInt(word.substring(3));
      }
      return word.matches("[+-]?\\d.*") ? number(word) : general(word);
    }

    private static int number(String word) {
      return Long.decode(word.startsWith("+") ? word.substring(1) : word).intValue();
    }

    /** Also by the name of its lower half: ecx, r9d. */
    private static Gpr general(String name) {
      String whole = name.replaceFirst("^e", "r").replaceFirst("(?<=\\d)d$", "");
      return Gpr.valueOf(whole.toUpperCase(Locale.ROOT));
    }
  }

  private static List<Golden> golden() throws IOException {
    try (InputStream in = AssemblerTest.class.getResourceAsStream("encodings.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .map(line -> line.split(" {2,}", 2))
          .map(parts -> new Golden(parts[0], parts[1]))
          .toList();
    }
  }

  private static Method method(Golden golden) throws NoSuchMethodException {
    Class<?>[] types =
        golden.arguments().stream()
            .map(value -> value instanceof Integer ? int.class : value.getClass())
            .toArray(Class<?>[]::new);
    return Assembler.class.getDeclaredMethod(golden.method(), types);
  }

  private static String signature(Method method) {
    return method.getName()
        + Arrays.stream(method.getParameterTypes())
            .map(Class::getSimpleName)
            .collect(Collectors.joining(", ", "(", ")"));
  }

  @Test
  void instructionsAreEncodedAsAnotherAssemblerEncodesThem() throws Exception {
    HexFormat hex = HexFormat.ofDelimiter(" ");
    List<String> expected = new ArrayList<>();
    List<String> encoded = new ArrayList<>();
    for (Golden golden : golden()) {
      Assembler assembler = new Assembler();
      method(golden).invoke(assembler, golden.arguments().toArray());
      expected.add(golden.text + ": " + golden.bytes);
      encoded.add(golden.text + ": " + hex.formatHex(assembler.bytes()));
    }
    assertThat(encoded).hasSizeGreaterThan(500).containsExactlyElementsOf(expected);
  }

  @Test
  void noInstructionIsLeftOut() throws Exception {
    Set<String> tested = new TreeSet<>();
    for (Golden golden : golden()) {
      tested.add(signature(method(golden)));
    }
    Set<String> instructions =
        Arrays.stream(Assembler.class.getDeclaredMethods())
            .filter(m -> !Modifier.isPrivate(m.getModifiers()) && m.getReturnType() == void.class)
            .filter(m -> !m.isSynthetic() && !OTHERS.contains(m.getName()))
            .map(AssemblerTest::signature)
            .collect(Collectors.toSet());
    assertThat(tested).containsExactlyInAnyOrderElementsOf(instructions);
  }

  @Test
  void alignmentIsFilledWithInstructionsThatDoNothing() {
    Assembler a = new Assembler();
    a.ret();
    a.align(4);
    a.align(4);
    assertThat(HexFormat.of().formatHex(a.bytes())).isEqualTo("c3909090");
    assertThat(a.here()).isEqualTo(4);
  }

  @Test
  void whatHasNoEncodingIsRefused() {
    assertThatThrownBy(() -> Gpr.RAX.at(0).plusFloats(Gpr.RSP)).hasMessageContaining("rsp");
    Assembler a = new Assembler();
    assertThatThrownBy(() -> a.cmp(Gpr.RAX, 128)).hasMessageContaining("128");
    assertThatThrownBy(() -> a.cmp(Gpr.RAX, -129)).hasMessageContaining("-129");
    assertThat(a.bytes()).isEmpty();
  }
}

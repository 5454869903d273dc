package dev.nibble.io.token;

import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.List;

/** The normalizers of {@code tokenizer.json}. */
final class Normalizers {
  private static final String KNOWN =
      "Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip, StripAccents, Nmt,"
          + " Precompiled, BertNormalizer and ByteLevel";

  private Normalizers() {}

  /** The normalizer that a component describes; none for null. */
  static Normalizer read(Part part) {
    if (part.node().isMissingNode() || part.node().isNull()) {
      return Normalizer.NONE;
    }
    return switch (part.type()) {
      case "Sequence" ->
          sequence(part.list("normalizers").stream().map(Normalizers::read).toList());
      case "NFC" -> form(Form.NFC);
      case "NFD" -> form(Form.NFD);
      case "NFKC" -> form(Form.NFKC);
      case "NFKD" -> form(Form.NFKD);
      case "Lowercase" -> Characters::lowercase;
      case "Prepend" -> prepend(part.text("prepend"));
      case "Replace" -> TextPattern.read(part)::replaceAll;
      case "Strip" -> strip(part.flag("strip_left", true), part.flag("strip_right", true));
      case "StripAccents" -> text -> Characters.filter(text, c -> !Characters.isMark(c));
      case "Nmt" -> Normalizers::nmt;
      case "Precompiled" -> CharsMap.fromBase64(part);
      case "ByteLevel" -> ByteAlphabet::encode;
      case "BertNormalizer" -> {
        boolean lowercase = part.flag("lowercase", true);
        yield bert(
            part.flag("clean_text", true),
            part.flag("handle_chinese_chars", true),
            part.flag("strip_accents", lowercase),
            lowercase);
      }
      default -> throw part.unsupported("normalizer", KNOWN);
    };
  }

  static Normalizer sequence(List<Normalizer> parts) {
    List<Normalizer> all = List.copyOf(parts);
    return text -> {
      String result = text;
      for (Normalizer part : all) {
        result = part.apply(result);
      }
      return result;
    };
  }

  static Normalizer form(Form form) {
    return text -> java.text.Normalizer.normalize(text, form);
  }

  static Normalizer prepend(String prefix) {
    return text -> text.isEmpty() ? text : prefix + text;
  }

  private static Normalizer strip(boolean left, boolean right) {
    return text -> {
      int start = 0;
      int end = text.length();
      while (left && start < end && Characters.isSpace(text.charAt(start))) {
        start++;
      }
      while (right && start < end && Characters.isSpace(text.charAt(end - 1))) {
        end--;
      }
      return text.substring(start, end);
    };
  }

  /** Steps of BERT's normalizer, each optional, in their fixed order. */
  static Normalizer bert(
      boolean clean, boolean spaceIdeographs, boolean stripAccents, boolean lowercase) {
    List<Normalizer> steps = new ArrayList<>();
    if (clean) {
      steps.add(Normalizers::clean);
    }
    if (spaceIdeographs) {
      steps.add(Normalizers::spaceIdeographs);
    }
    if (stripAccents) {
      steps.add(form(Form.NFD));
      steps.add(text -> Characters.filter(text, c -> !Characters.isNonSpacingMark(c)));
    }
    if (lowercase) {
      steps.add(Characters::lowercase);
    }
    return sequence(steps);
  }

  private static String clean(String text) {
    String kept =
        Characters.filter(text, c -> c != 0 && c != 0xfffd && !Characters.isBertControl(c));
    return Characters.map(kept, c -> Characters.isSpace(c) ? ' ' : c);
  }

  private static String spaceIdeographs(String text) {
    StringBuilder out = new StringBuilder(text.length() + 16);
    text.codePoints()
        .forEach(
            c -> {
              if (Characters.isIdeograph(c)) {
                out.append(' ').appendCodePoint(c).append(' ');
              } else {
                out.appendCodePoint(c);
              }
            });
    return out.toString();
  }

  /** Cleaning of neural machine translation corpora: controls go, odd spaces become spaces. */
  private static String nmt(String text) {
    String kept =
        Characters.filter(
            text,
            c ->
                !((c >= 1 && c <= 8)
                    || c == 0xb
                    || (c >= 0xe && c <= 0x1f)
                    || c == 0x7f
                    || c == 0x8f
                    || c == 0x9f));
    return Characters.map(
        kept,
        c ->
            switch (c) {
              case 9, 0xa, 0xc, 0xd, 0x1680, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd -> ' ';
              default -> c >= 0x200b && c <= 0x200f ? ' ' : c;
            });
  }
}

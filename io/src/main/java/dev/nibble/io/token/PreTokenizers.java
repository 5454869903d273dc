package dev.nibble.io.token;

import dev.nibble.io.token.PreTokenizer.Piece;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;

/** The pre-tokenizers of {@code tokenizer.json}. */
final class PreTokenizers {
  private static final String KNOWN =
      "Sequence, ByteLevel, Split, Metaspace, Whitespace, WhitespaceSplit, Digits, Punctuation,"
          + " CharDelimiterSplit and BertPreTokenizer";

  private PreTokenizers() {}

  /** The pre-tokenizer that a component describes; none for null. */
  static PreTokenizer read(Part part) {
    if (part.node().isMissingNode() || part.node().isNull()) {
      return PreTokenizer.NONE;
    }
    return switch (part.type()) {
      case "Sequence" ->
          sequence(part.list("pretokenizers").stream().map(PreTokenizers::read).toList());
      case "ByteLevel" ->
          byteLevel(part.flag("add_prefix_space", true), part.flag("use_regex", true));
      case "Split" ->
          split(
              TextPattern.read(part),
              Behavior.read(part, "behavior", null),
              part.flag("invert", false));
      case "Metaspace" -> Metaspace.read(part);
      case "Whitespace" -> split(TextPattern.of("\\w+|[^\\w\\s]+"), Behavior.REMOVED, true);
      case "WhitespaceSplit" -> characters(Characters::isSpace, Behavior.REMOVED);
      case "Digits" ->
          characters(
              Characters::isNumber,
              part.flag("individual_digits", false) ? Behavior.ISOLATED : Behavior.CONTIGUOUS);
      case "Punctuation" ->
          characters(Characters::isPunctuation, Behavior.read(part, "behavior", Behavior.ISOLATED));
      case "CharDelimiterSplit" -> {
        String delimiter = part.text("delimiter");
        if (delimiter.codePointCount(0, delimiter.length()) != 1) {
          throw part.child("delimiter").fault("is not a single character");
        }
        int c = delimiter.codePointAt(0);
        yield characters(other -> other == c, Behavior.REMOVED);
      }
      case "BertPreTokenizer" -> bert();
      default -> throw part.unsupported("pre-tokenizer", KNOWN);
    };
  }

  /** What becomes of the matches of a split. */
  enum Behavior {
    REMOVED,
    ISOLATED,
    MERGED_WITH_PREVIOUS,
    MERGED_WITH_NEXT,
    CONTIGUOUS;

    static Behavior read(Part part, String field, Behavior otherwise) {
      if (part.lacks(field) && otherwise != null) {
        return otherwise;
      }
      String name = part.text(field);
      for (Behavior behavior : values()) {
        if (behavior.name().replace("_", "").equals(name.toUpperCase(Locale.ROOT))) {
          return behavior;
        }
      }
      throw part.child(field)
          .fault(
              "'"
                  + name
                  + "' is none of Removed, Isolated, MergedWithPrevious, MergedWithNext and"
                  + " Contiguous");
    }
  }

  /** Each in turn on the pieces of the one before. */
  static PreTokenizer sequence(List<PreTokenizer> parts) {
    List<PreTokenizer> all = List.copyOf(parts);
    return (piece, out) -> {
      List<Piece> pieces = List.of(piece);
      for (PreTokenizer part : all) {
        List<Piece> next = new ArrayList<>(pieces.size());
        for (Piece p : pieces) {
          part.split(p, next);
        }
        pieces = next;
      }
      out.addAll(pieces);
    };
  }

  /** BERT's words: separated by spaces, punctuation characters alone. */
  static PreTokenizer bert() {
    return sequence(
        List.of(
            characters(Characters::isSpace, Behavior.REMOVED),
            characters(Characters::isPunctuation, Behavior.ISOLATED)));
  }

  /** Rewrites pieces in the byte alphabet, after splitting as GPT-2 does if asked. */
  static PreTokenizer byteLevel(boolean addPrefixSpace, boolean useRegex) {
    PreTokenizer words =
        useRegex
            ? split(TextPattern.of(ByteAlphabet.PIECES), Behavior.ISOLATED, false)
            : PreTokenizer.NONE;
    return (piece, out) -> {
      boolean prefix = addPrefixSpace && !piece.text().startsWith(" ");
      int start = out.size();
      words.split(prefix ? new Piece(" " + piece.text(), piece.first()) : piece, out);
      for (int i = start; i < out.size(); i++) {
        Piece word = out.get(i);
        out.set(i, new Piece(ByteAlphabet.encode(word.text()), word.first()));
      }
    };
  }

  /** Splits at a pattern; inverted, at what the pattern leaves. */
  static PreTokenizer split(TextPattern pattern, Behavior behavior, boolean invert) {
    return (piece, out) -> {
      Cuts cuts = new Cuts(piece, behavior, out);
      pattern.stretches(
          piece.text(), (start, end, matched) -> cuts.accept(start, end, matched != invert));
      cuts.finish();
    };
  }

  /** Splits at single characters. */
  static PreTokenizer characters(IntPredicate delimiter, Behavior behavior) {
    return (piece, out) -> {
      Cuts cuts = new Cuts(piece, behavior, out);
      String text = piece.text();
      int plain = 0;
      for (int i = 0; i < text.length(); ) {
        int c = text.codePointAt(i);
        int end = i + Character.charCount(c);
        if (delimiter.test(c)) {
          if (i > plain) {
            cuts.accept(plain, i, false);
          }
          cuts.accept(i, end, true);
          plain = end;
        }
        i = end;
      }
      if (plain < text.length()) {
        cuts.accept(plain, text.length(), false);
      }
      cuts.finish();
    };
  }

  /** Joins stretches as the behaviour says and adds them as pieces. */
  private static final class Cuts implements TextPattern.Stretches {
    private final Piece piece;
    private final Behavior behavior;
    private final List<Piece> out;
    private int openStart;
    private int openEnd = -1;
    private boolean openMatched;

    Cuts(Piece piece, Behavior behavior, List<Piece> out) {
      this.piece = piece;
      this.behavior = behavior;
      this.out = out;
    }

    @Override
    public void accept(int start, int end, boolean matched) {
      boolean join =
          switch (behavior) {
            case REMOVED, ISOLATED -> false;
            case MERGED_WITH_PREVIOUS -> matched && !openMatched;
            case MERGED_WITH_NEXT -> !matched && openMatched;
            case CONTIGUOUS -> matched == openMatched;
          };
      if (openEnd >= 0 && join) {
        openEnd = end;
      } else {
        finish();
        openStart = start;
        openEnd = end;
      }
      openMatched = matched;
    }

    void finish() {
      if (openEnd > openStart && !(behavior == Behavior.REMOVED && openMatched)) {
        boolean first = piece.first() && openStart == 0;
        out.add(new Piece(piece.text().substring(openStart, openEnd), first));
      }
      openEnd = -1;
    }
  }
}

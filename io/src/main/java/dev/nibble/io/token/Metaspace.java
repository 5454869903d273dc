package dev.nibble.io.token;

import dev.nibble.io.token.PreTokenizer.Piece;
import dev.nibble.io.token.PreTokenizers.Behavior;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * SentencePiece's visible space: every space becomes a stand-in, one is put in front, and words
 * begin with theirs.
 *
 * @param replacement the stand-in character
 * @param prepend where one is put in front
 * @param split whether to split into words
 */
record Metaspace(String replacement, Prepend prepend, boolean split) implements PreTokenizer {
  /** SentencePiece's own stand-in. */
  static final String SPACE = "\u2581";

  /** Which pieces get a stand-in in front, unless they start with one. */
  enum Prepend {
    ALWAYS,
    NEVER,
    FIRST
  }

  /** Reads the component in its old form ({@code add_prefix_space}) or new form. */
  static Metaspace read(Part part) {
    String replacement = part.text("replacement");
    if (replacement.codePointCount(0, replacement.length()) != 1) {
      throw part.child("replacement").fault("is not a single character");
    }
    Prepend prepend = part.flag("add_prefix_space", true) ? Prepend.ALWAYS : Prepend.NEVER;
    if (!part.lacks("prepend_scheme")) {
      String scheme = part.text("prepend_scheme");
      prepend =
          switch (scheme.toLowerCase(Locale.ROOT)) {
            case "always" -> Prepend.ALWAYS;
            case "never" -> Prepend.NEVER;
            case "first" -> Prepend.FIRST;
            default ->
                throw part.child("prepend_scheme")
                    .fault("'" + scheme + "' is none of always, never and first");
          };
    }
    return new Metaspace(replacement, prepend, part.flag("split", true));
  }

  @Override
  public void split(Piece piece, List<Piece> out) {
    String text = piece.text().replace(" ", replacement);
    boolean put = prepend == Prepend.ALWAYS || (prepend == Prepend.FIRST && piece.first());
    if (put && !text.startsWith(replacement)) {
      text = replacement + text;
    }
    Piece whole = new Piece(text, piece.first());
    if (split) {
      int mark = replacement.codePointAt(0);
      PreTokenizers.characters(c -> c == mark, Behavior.MERGED_WITH_NEXT).split(whole, out);
    } else {
      out.add(whole);
    }
  }

  /** Back to spaces; the stand-in in front of the first token goes. */
  List<String> decode(List<String> tokens) {
    List<String> out = new ArrayList<>(tokens.size());
    for (String token : tokens) {
      boolean drop = out.isEmpty() && prepend != Prepend.NEVER;
      out.add(token.replace(replacement, drop ? "" : " "));
    }
    return out;
  }
}

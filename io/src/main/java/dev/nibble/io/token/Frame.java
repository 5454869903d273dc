package dev.nibble.io.token;

import java.util.ArrayList;
import java.util.List;

/** Special ids put before and after a text. */
record Frame(List<Integer> before, List<Integer> after) {
  static final Frame NONE = new Frame(List.of(), List.of());

  /** This frame with another around it. */
  Frame within(Frame outer) {
    List<Integer> front = new ArrayList<>(outer.before);
    front.addAll(before);
    List<Integer> back = new ArrayList<>(after);
    back.addAll(outer.after);
    return new Frame(List.copyOf(front), List.copyOf(back));
  }

  /** The frame that a post-processor of {@code tokenizer.json} puts around a single text. */
  static Frame read(Part part) {
    if (part.node().isMissingNode() || part.node().isNull()) {
      return NONE;
    }
    return switch (part.type()) {
      case "ByteLevel" -> NONE;
      case "TemplateProcessing" -> template(part);
      case "BertProcessing", "RobertaProcessing" ->
          new Frame(List.of(pairId(part, "cls")), List.of(pairId(part, "sep")));
      case "Sequence" -> {
        Frame frame = NONE;
        for (Part processor : part.list("processors")) {
          frame = frame.within(read(processor));
        }
        yield frame;
      }
      default ->
          throw part.unsupported(
              "post-processor",
              "ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing and Sequence");
    };
  }

  private static Frame template(Part part) {
    List<Integer> before = new ArrayList<>();
    List<Integer> after = new ArrayList<>();
    boolean seen = false;
    for (Part piece : part.list("single")) {
      if (!piece.lacks("SpecialToken")) {
        String name = piece.child("SpecialToken").text("id");
        Part token = part.child("special_tokens").child(name);
        for (Part id : token.list("ids")) {
          (seen ? after : before).add(id.number(0, Vocabulary.MAX_ID));
        }
      } else if (!piece.lacks("Sequence") && !seen) {
        seen = true;
      } else {
        throw piece.fault("is neither a special token nor the one text of the template");
      }
    }
    if (!seen) {
      throw part.child("single").fault("has no place for the text");
    }
    return new Frame(List.copyOf(before), List.copyOf(after));
  }

  /** Id in a field of the form {@code [token, id]}. */
  private static int pairId(Part part, String field) {
    List<Part> pair = part.list(field);
    if (pair.size() != 2) {
      throw part.child(field).fault("is not a pair of token and id");
    }
    return pair.get(1).number(0, Vocabulary.MAX_ID);
  }
}

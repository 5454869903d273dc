package dev.nibble.examples;

import dev.nibble.runtime.GenerateOptions;
import dev.nibble.runtime.Generated;
import dev.nibble.runtime.TextModel;
import java.nio.file.Path;

/** Runs a model. */
final class Generating {
  private Generating() {}

  static Generated generate(Path model) {
    // README: generate
    try (TextModel text = TextModel.load(model)) {
      Generated story =
          text.generate("Once upon a time", GenerateOptions.DEFAULT, System.out::print);
      System.out.println(story.tokenRate() + " tokens per second");
      // README: end
      return story;
    }
  }
}

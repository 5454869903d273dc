package dev.nibble.compress.train;

import java.util.List;

/** Tokens that stand for no text, by id, and the chat format made of them. */
final class SpecialTokens {
  /** Begins and ends a document. */
  static final int DOCUMENT = 0;

  /** Begins what the user says. */
  static final int USER = 1;

  /** Begins the answer. */
  static final int ASSISTANT = 2;

  /** Ends a turn. */
  static final int END = 3;

  static final List<String> ALL = List.of("<|endoftext|>", "<|user|>", "<|assistant|>", "<|end|>");

  /** System messages are read as said by the user: training has none. */
  static final String CHAT_TEMPLATE =
      "{{ bos_token }}{% for message in messages %}"
          + "{% if message['role'] == 'assistant' %}{{ '<|assistant|>' }}"
          + "{% else %}{{ '<|user|>' }}{% endif %}"
          + "{{ message['content'] + '<|end|>' }}{% endfor %}"
          + "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";

  private SpecialTokens() {}
}

package dev.nibble.runtime;

import dev.nibble.core.NibbleException;
import dev.nibble.io.token.ChatTemplate;
import dev.nibble.io.token.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A chat in the model's own template. Each turn renders the whole conversation and processes only
 * what the cache does not hold yet. Not thread-safe.
 */
public final class Conversation {
  private final Session session;
  private final Tokenizer tokenizer;
  private final ChatTemplate template;
  private final Set<Integer> ends;
  private final List<ChatTemplate.Message> messages = new ArrayList<>();
  private int[] cached = {};

  Conversation(Session session, Tokenizer tokenizer, ChatTemplate template, Set<Integer> ends) {
    this.session = session;
    this.tokenizer = tokenizer;
    this.template = template;
    this.ends = ends;
  }

  /** Adds instructions that the template puts where it wants; call before the first turn. */
  public void system(String text) {
    messages.add(new ChatTemplate.Message("system", text));
  }

  /** The turns so far. */
  public List<ChatTemplate.Message> messages() {
    return List.copyOf(messages);
  }

  /** Forgets all turns. */
  public void clear() {
    messages.clear();
    session.reset();
    cached = new int[0];
  }

  /** Makes the running answer end early, from any thread; what was written so far stays. */
  public void cancel() {
    session.cancel();
  }

  /**
   * One turn: the user's message in, the model's answer out.
   *
   * @param onText receives the answer piece by piece
   * @throws NibbleException when the conversation no longer fits the context
   */
  public Generated say(String message, GenerateOptions options, Consumer<String> onText) {
    messages.add(new ChatTemplate.Message("user", message));
    int[] prompt = tokenizer.encode(template.render(messages, true), false);
    int common = 0;
    int limit = Math.min(cached.length, prompt.length - 1);
    while (common < limit && cached[common] == prompt[common]) {
      common++;
    }
    session.rewind(common);
    int[] fresh = Arrays.copyOfRange(prompt, common, prompt.length);
    cached = Arrays.copyOf(prompt, common);
    try {
      Generated answer = new Generator(session, tokenizer, ends, options, onText).run(fresh);
      messages.add(new ChatTemplate.Message("assistant", answer.text()));
      // Tokens drawn after the prompt may be written differently by the template next time.
      cached = prompt;
      return answer;
    } catch (RuntimeException e) {
      messages.removeLast();
      throw e;
    }
  }
}

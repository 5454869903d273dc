package dev.nibble.runtime.measure;

import dev.nibble.core.NibbleException;
import java.util.List;

/**
 * What is measured.
 *
 * @param prompts lengths of prompts; empty for {@link #PROMPTS}, as far as the model has positions
 * @param tokens tokens that every session writes behind a prompt
 * @param sessions numbers of sessions that write at once
 * @param rounds measured rounds; figures are medians over them
 */
public record SpeedOptions(List<Integer> prompts, int tokens, List<Integer> sessions, int rounds) {

  /** Prompts of 128 and 512 tokens. */
  public static final List<Integer> PROMPTS = List.of(128, 512);

  /** The usual prompts, 64 tokens, 1, 4 and 16 sessions, five rounds. */
  public static final SpeedOptions DEFAULT = new SpeedOptions(List.of(), 64, List.of(1, 4, 16), 5);

  private static final int MOST = 1 << 20;
  private static final int MOST_SESSIONS = 1024;

  /** Checks ranges. */
  public SpeedOptions {
    prompts = List.copyOf(prompts);
    sessions = List.copyOf(sessions);
    prompts.forEach(n -> check("--prompt", n, MOST));
    sessions.forEach(n -> check("--sessions", n, MOST_SESSIONS));
    check("--tokens", tokens, MOST);
    check("--rounds", rounds, MOST);
    if (sessions.isEmpty()) {
      throw new NibbleException("--sessions needs at least one number of sessions");
    }
  }

  private static void check(String option, int value, int most) {
    if (value < 1 || value > most) {
      throw new NibbleException(option + " must be 1 to " + most + ", not " + value);
    }
  }
}

package dev.nibble.eval.tasks;

/**
 * A text and a continuation whose likelihood after it is asked for.
 *
 * @param context may be empty
 * @param continuation with its leading delimiter, not empty
 */
public record Request(String context, String continuation) {}

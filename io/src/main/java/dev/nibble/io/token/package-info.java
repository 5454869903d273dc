/**
 * Text to token ids and back in pure Java, and conversations to prompts.
 *
 * <p>A tokenizer is a chain, as in Hugging Face's {@code tokenizer.json}: added tokens are cut out
 * of the text, the rest is normalized, split into words, each word becomes ids by a model (BPE,
 * Unigram or WordPiece), and a frame of special tokens is put around; a decoder goes the other way.
 * The same chain is built from the files of a model directory and from GGUF metadata, so there is
 * one implementation of each part and everything read from a file is checked before use.
 *
 * <p>Chat templates are Jinja; the engine is Jinjava, made to behave like Python's.
 */
package dev.nibble.io.token;

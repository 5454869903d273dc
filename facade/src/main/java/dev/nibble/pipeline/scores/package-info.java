/**
 * What was expensive to find out about a model, kept in the user's cache folder from one run to the
 * next. Losing it costs time and nothing else.
 */
package dev.nibble.pipeline.scores;

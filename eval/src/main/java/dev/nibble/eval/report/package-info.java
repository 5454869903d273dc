/**
 * What a run tells its user: one self-contained HTML page (light and dark, printable, no network),
 * the same content as JSON beside it, and tables for terminals and Markdown. A report is a list of
 * {@link dev.nibble.eval.report.Section}s; writers never look anything up elsewhere.
 */
package dev.nibble.eval.report;

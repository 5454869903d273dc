/**
 * Data sets from files: text corpora for calibration and perplexity, and records (rows with named
 * fields) for evaluation tasks. Plain text, JSON, JSON lines, CSV and TSV, gzip-compressed or not,
 * are read as streams; every length is bounded, and a damaged file is reported by name and line.
 */
package dev.nibble.io.data;

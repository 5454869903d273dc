/**
 * What a run is told by: the headline table of the terminal, and the report page in the artefact.
 */
package dev.nibble.pipeline.report;

/**
 * How an artefact came to be, told by the artefact itself. What its bytes follow from stands in
 * {@code nibble.json} and is the same for every run that makes them; what one run took and measured
 * stands in {@code run.json} beside it.
 */
package dev.nibble.pipeline.provenance;

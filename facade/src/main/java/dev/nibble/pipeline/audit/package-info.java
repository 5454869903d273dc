/** A finished artefact compared with its plan, tensor by tensor, before anybody sees it. */
package dev.nibble.pipeline.audit;

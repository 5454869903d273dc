/**
 * Studies: whole tables of recipes that answer a question, such as whether what a method's paper
 * claims holds on a model at hand. A study is a YAML resource; running one is a resumable sweep.
 */
package dev.nibble.pipeline.study;

/**
 * Models and data files of the Hugging Face Hub: a small client of its HTTP API, and the cache on
 * disk that it shares with other tools. The hub is treated like any file of unknown origin: names
 * are checked before they become paths, lengths before they are read, and a file is used only once
 * its hash is what the hub promised.
 */
package dev.nibble.io.hub;

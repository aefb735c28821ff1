// The receipt: a C2SP tlog-proof@v1 whose `extra` line carries the leaf.

import { Malformed, decimal, fromBase64, fromUtf8, utf8 } from "./bytes.js";
import { MAX_NOTE_BYTES, parseCheckpoint } from "./note.js";

export const FIRST_LINE = "c2sp.org/tlog-proof@v1";
/** Many times our leaf; like every bound here it is that of `gram verify`, so that one file has one verdict. */
export const MAX_EXTRA = 4096;
export const MAX_RECEIPT_BYTES = MAX_NOTE_BYTES + 4 * MAX_EXTRA;
/** Lines of a path that are read; a tree of 2^64 leaves has fewer levels. */
export const MAX_LINES = 65;

/**
 * Read a receipt, given as bytes or text: `{leaf (bytes), index (BigInt), path (list of 32 bytes), checkpoint}`.
 * Raises `Malformed`.
 */
export function parseReceipt(file) {
  const bytes = typeof file === "string" ? utf8(file) : file;
  if (bytes.length > MAX_RECEIPT_BYTES) throw new Malformed("receipt", `more than ${MAX_RECEIPT_BYTES} bytes`);
  const text = fromUtf8(bytes);
  const blank = text.indexOf("\n\n");
  if (blank < 0) throw new Malformed("receipt", "no checkpoint");
  const [first, extra, index, ...path] = text.slice(0, blank).split("\n");
  if (first !== FIRST_LINE) throw new Malformed("receipt", "first line");
  if (path.length > MAX_LINES) throw new Malformed("receipt", "path too long");
  return {
    leaf: readLeaf(after("extra ", extra)),
    index: readIndex(after("index ", index)),
    path: path.map((line) => fromBase64(line, 32)),
    checkpoint: parseCheckpoint(text.slice(blank + 2)),
  };
}

function readLeaf(text) {
  if (text.length > MAX_EXTRA) throw new Malformed("receipt", "extra data too long");
  const leaf = fromBase64(text);
  if (leaf.length === 0) throw new Malformed("receipt", "no leaf");
  return leaf;
}

function readIndex(text) {
  const index = decimal(text, "index");
  if (index === (1n << 64n) - 1n) throw new Malformed("receipt", "no leaf has this index");
  return index;
}

function after(prefix, line = "") {
  if (!line.startsWith(prefix)) throw new Malformed("receipt", `no line "${prefix.trim()}"`);
  return line.slice(prefix.length);
}

// The receipt: a C2SP tlog-proof@v1 whose `extra` line carries the leaf.

import { Malformed, decimal, fromBase64, fromUtf8, utf8 } from "./bytes.js";
import { MAX_PATH } from "./merkle.js";
import { parseCheckpoint } from "./note.js";

export const FIRST_LINE = "c2sp.org/tlog-proof@v1";
/** A full receipt (64 rungs, 64 signatures) stays under 16 KiB; anything beyond this is no receipt. */
export const MAX_RECEIPT_BYTES = 65_536;

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
  if (path.length > MAX_PATH) throw new Malformed("receipt", "path too long");
  return {
    leaf: fromBase64(after("extra ", extra)),
    index: decimal(after("index ", index), "index"),
    path: path.map((line) => fromBase64(line, 32)),
    checkpoint: parseCheckpoint(text.slice(blank + 2)),
  };
}

function after(prefix, line = "") {
  if (!line.startsWith(prefix)) throw new Malformed("receipt", `no line "${prefix.trim()}"`);
  return line.slice(prefix.length);
}

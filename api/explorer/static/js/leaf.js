// The leaf: one movement in 114 bytes, big-endian (docs/design.md, section 3).

import { Malformed, sha256 } from "./bytes.js";

export const LEAF_BYTES = 114;
export const NO_PARENT = (1n << 64n) - 1n;
export const RECORDS_FROM = 64;

export const KINDS = {
  1: "ISSUE", 2: "TRANSFER", 3: "CONVERT", 4: "REDEEM", 5: "REFUND", 6: "GATHER", 7: "EXPIRE", 8: "CANCEL",
  9: "VOID", 10: "LOCK", 11: "UNLOCK", 12: "BUNDLE", 64: "POLICY", 65: "METHODOLOGY", 66: "SOURCE", 67: "PUBLICITY",
  68: "OBJECTION", 69: "ISSUANCE", 70: "CORRECTION", 71: "DUPLICATE", 72: "STATE", 73: "MOVE", 74: "HOLDER",
  76: "PROVIDER",
  75: "FINDING",
};
export const FORMS = { 0: "END", 1: "REDUCTION", 2: "POINTS" };
export const FLAGS = { 1: "CLASS_I", 2: "SCENARIO", 4: "CONVERTED", 8: "INDIVIDUAL", 16: "LOCKED" };

/**
 * Decode 114 bytes to a movement: gram numbers, parent and times (Unix milliseconds) as BigInt, tags and evidence as
 * bytes, `parent` null when there is none. Codes nobody knows are kept as numbers: whether a movement is lawful is a
 * rule about two leaves, and not decided here. Raises `Malformed`.
 */
export function decodeLeaf(bytes) {
  if (bytes.length !== LEAF_BYTES) throw new Malformed("leaf", `${bytes.length} bytes, not ${LEAF_BYTES}`);
  if (bytes[0] !== 1) throw new Malformed("leaf", `version ${bytes[0]}, not 1`);
  const parent = unsigned(bytes, 22, 8);
  return {
    kind: bytes[1],
    form: bytes[2],
    flags: bytes[3],
    purpose: Number(unsigned(bytes, 4, 2)),
    first: unsigned(bytes, 6, 8),
    last: unsigned(bytes, 14, 8),
    parent: parent === NO_PARENT ? null : parent,
    at: unsigned(bytes, 30, 6),
    until: unsigned(bytes, 36, 6),
    fromTag: bytes.slice(42, 62),
    toTag: bytes.slice(62, 82),
    evidence: bytes.slice(82, 114),
  };
}

/** RFC 9162 section 2.1.1: SHA-256(0x00 || leaf). */
export function leafHash(bytes) {
  return sha256(Uint8Array.of(0), bytes);
}

/** The names of the flags that are set; bits nobody knows as `bit <value>`. */
export function flagNames(flags) {
  return [1, 2, 4, 8, 16, 32, 64, 128].filter((bit) => flags & bit).map((bit) => FLAGS[bit] ?? `bit ${bit}`);
}

/** Name a block for people: `SHCER-<first>-<last-1>`. */
export function serial(first, last) {
  return `SHCER-${first}-${last - 1n}`;
}

function unsigned(bytes, offset, size) {
  return bytes.subarray(offset, offset + size).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

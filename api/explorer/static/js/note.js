// Signed notes, checkpoints, verifier keys and cosignatures (C2SP signed-note, tlog-checkpoint, tlog-cosignature).

import { Malformed, concat, decimal, equal, fromBase64, fromHex, sha256, subtle, utf8 } from "./bytes.js";

export const ED25519 = 0x01;
export const COSIGNATURE_V1 = 0x04;
/** The note format asks for at least 16; more than this is an attempt to keep us busy. */
export const MAX_SIGNATURES = 64;
/** Room for as many of the longest kind, post-quantum ones of nearly 5 kB; as `gram verify` has it. */
export const MAX_NOTE_BYTES = 512 * 1024;
/** Characters of a verifier key. */
const MAX_VKEY = 1024;
/** A key's name: no plus, no control and none of the spaces that Python knows, so that both read the same names. */
const NAME = "[^+\\u0000-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const SIGNATURE_LINE = new RegExp(`^\u2014 (${NAME}) ([A-Za-z0-9+/=]+)$`, "u");
const VKEY = new RegExp(`^(${NAME})\\+([0-9a-f]{8})\\+([A-Za-z0-9+/=]+)$`, "u");

/**
 * Read a checkpoint: `{origin, size (BigInt), root (32 bytes), body (text that is signed), signatures}`, each signature
 * `{name, keyId (4 bytes), signature (bytes)}`. Raises `Malformed`.
 */
export function parseCheckpoint(note) {
  if (utf8(note).length > MAX_NOTE_BYTES) throw new Malformed("checkpoint", `more than ${MAX_NOTE_BYTES} bytes`);
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) throw new Malformed("checkpoint", "control character");
  const blank = note.lastIndexOf("\n\n");
  if (blank < 0 || !note.endsWith("\n")) throw new Malformed("checkpoint", "no signatures, or cut off");
  const body = note.slice(0, blank + 1);
  const lines = body.slice(0, -1).split("\n");
  if (lines.length < 3 || lines.includes("")) throw new Malformed("checkpoint", "fewer than three lines");
  return {
    origin: lines[0],
    size: decimal(lines[1], "checkpoint size"),
    root: fromBase64(lines[2], 32),
    body,
    signatures: parseSignatures(note.slice(blank + 2, -1)),
  };
}

function parseSignatures(text) {
  const lines = text.split("\n");
  if (lines.length > MAX_SIGNATURES) throw new Malformed("checkpoint", "too many signatures");
  return lines.map((line) => {
    const parts = SIGNATURE_LINE.exec(line);
    if (!parts) throw new Malformed("checkpoint", "signature line");
    const bytes = fromBase64(parts[2]);
    if (bytes.length < 5) throw new Malformed("checkpoint", "signature too short");
    return { name: parts[1], keyId: bytes.slice(0, 4), signature: bytes.slice(4) };
  });
}

/** Read a verifier key `<name>+<key id>+<base64(type || key)>`, and hold its key id against its own hash. */
export async function parseVkey(text) {
  const parts = VKEY.exec(text);
  if (!parts || Array.from(text).length > MAX_VKEY) throw new Malformed("vkey");
  const material = fromBase64(parts[3], 33);
  const keyId = fromHex(parts[2]);
  const expected = (await sha256(utf8(`${parts[1]}\n`), material)).slice(0, 4);
  if (!equal(keyId, expected)) throw new Malformed("vkey", "key id");
  return { name: parts[1], keyId, type: material[0], publicKey: material.slice(1) };
}

/**
 * What a key says of a checkpoint: "ok", "failed" (a signature under this name and id does not verify), "absent" (none
 * there) or "unsupported" (this browser has no Ed25519). A cosignature also gives its `timestamp` (BigInt seconds).
 */
export async function checkSignature(checkpoint, key) {
  const own = checkpoint.signatures.filter((line) => line.name === key.name && equal(line.keyId, key.keyId));
  if (own.length === 0) return { outcome: "absent" };
  const results = [];
  for (const line of own) results.push(await checkLine(checkpoint.body, key, line.signature));
  return results.find((result) => result.outcome !== "ok") ?? results[0];
}

function checkLine(body, key, signature) {
  if (key.type === ED25519) return verify(key.publicKey, signature, utf8(body));
  if (key.type !== COSIGNATURE_V1) return { outcome: "unsupported" };
  if (signature.length !== 72) return { outcome: "failed" };
  const timestamp = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
  if (timestamp >= 1n << 63n) return { outcome: "failed" };
  const message = concat(utf8(`cosignature/v1\ntime ${timestamp}\n`), utf8(body));
  return verify(key.publicKey, signature.slice(8), message, { timestamp });
}

async function verify(publicKey, signature, message, extra = {}) {
  let key;
  try {
    key = await subtle().importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    // Bytes that are no key are a DataError; a browser without the algorithm says NotSupportedError.
    return { outcome: error.name === "NotSupportedError" ? "unsupported" : "failed" };
  }
  const good = signature.length === 64 && (await subtle().verify({ name: "Ed25519" }, key, signature, message));
  return { outcome: good ? "ok" : "failed", ...extra };
}

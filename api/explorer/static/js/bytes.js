// Bytes, text and hashes, strictly: whatever is not exactly in its format raises `Malformed`.

/** Bytes or text that are not in the format they claim. `code` names the fault, `detail` says where. */
export class Malformed extends Error {
  constructor(code, detail = "") {
    super(detail ? `${code}: ${detail}` : code);
    this.name = "Malformed";
    this.code = code;
    this.detail = detail;
  }
}

/** Web Crypto is missing: an old browser, or a page that came over plain http from another machine. */
export class NoWebCrypto extends Error {}

export function subtle() {
  const found = globalThis.crypto?.subtle;
  if (!found) throw new NoWebCrypto("Web Crypto is not available here");
  return found;
}

/** SHA-256 of the concatenation of `parts`. */
export async function sha256(...parts) {
  return new Uint8Array(await subtle().digest("SHA-256", concat(...parts)));
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Compare public values; not in constant time, and nothing here is secret. */
export function equal(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromHex(text) {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw new Malformed("hex");
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

export function toBase64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/**
 * Decode RFC 4648 section 4, padded and canonical. `atob` alone forgives blanks, missing padding and stray bits, so that
 * one proof could be written in many ways; encoding again shows them all.
 */
export function fromBase64(text, length = null) {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw new Malformed("base64");
  let binary;
  try {
    binary = atob(text);
  } catch {
    throw new Malformed("base64");
  }
  if (btoa(binary) !== text) throw new Malformed("base64", "not canonical");
  if (length !== null && binary.length !== length) throw new Malformed("base64", `${binary.length} bytes, not ${length}`);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export function utf8(text) {
  return new TextEncoder().encode(text);
}

export function fromUtf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed("utf-8");
  }
}

/** Read an ASCII decimal without leading zeroes that fits an unsigned 64-bit integer. */
export function decimal(text, what) {
  if (!/^(0|[1-9][0-9]{0,19})$/.test(text)) throw new Malformed(what, "not a decimal number");
  const value = BigInt(text);
  if (value >= 1n << 64n) throw new Malformed(what, "more than 64 bits");
  return value;
}

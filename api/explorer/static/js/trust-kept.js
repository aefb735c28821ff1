// The visitor's trust file between visits: in this browser's storage for this site, and nowhere else.

import { Malformed, fromBase64, toBase64 } from "./bytes.js";

const KEY = "gramledger.trust";
const FORMAT = "gramledger/trust-kept/v1";

/** Keep a file `{name, at (milliseconds), isOwn, bytes}`; false when this browser keeps nothing. */
export function keep({ bytes, ...about }) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ format: FORMAT, ...about, bytes: toBase64(bytes) }));
    return true;
  } catch {
    return false;
  }
}

/** Give the file that is kept, null when there is none. What is kept but cannot be read is a file without bytes. */
export function kept() {
  let text = null;
  try {
    text = localStorage.getItem(KEY);
  } catch {
    return null;
  }
  return text === null ? null : read(text);
}

/** Forget it. */
export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
}

/** Call `changed` when another page of this site keeps or forgets one. */
export function watch(changed) {
  addEventListener("storage", ({ key }) => (key === KEY || key === null) && changed());
}

function read(text) {
  try {
    const { format, name, at, isOwn, bytes } = JSON.parse(text);
    if (format !== FORMAT) throw new Malformed("kept in another format");
    return { name: String(name), at: Number(at), isOwn: isOwn === true, bytes: fromBase64(String(bytes)) };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError || error instanceof Malformed)) throw error;
    return { name: "?", at: NaN, isOwn: false, bytes: new Uint8Array() };
  }
}

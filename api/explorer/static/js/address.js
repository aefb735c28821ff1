// Addresses of contracts, and their checksum (EIP-55).

import { Malformed, toHex, utf8 } from "./bytes.js";
import { keccak256 } from "./keccak.js";

/** The EIP-55 text of an address: `0x` and 40 hex digits, in any case. */
export function checksummed(address) {
  const digits = address.slice(2).toLowerCase();
  const marks = toHex(keccak256(utf8(digits)));
  return `0x${Array.from(digits, (digit, at) => (parseInt(marks[at], 16) >= 8 ? digit.toUpperCase() : digit)).join("")}`;
}

/** Read an address; mixed case must be its checksum. Gives the EIP-55 text; raises `Malformed`. */
export function readAddress(text) {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw new Malformed("address");
  const digits = text.slice(2);
  const made = checksummed(text);
  if (![digits.toLowerCase(), digits.toUpperCase(), made.slice(2)].includes(digits)) throw new Malformed("address", "checksum");
  return made;
}

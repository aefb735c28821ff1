// What the page's program reads in trust files; run by itself: a JSON list of texts on stdin, of what was read on stdout.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { toHex, utf8 } from "../../api/explorer/static/js/bytes.js";
import { readTrust, TrustFault } from "../../api/explorer/static/js/trust-file.js";

/** Each character of a text is one octet. */
export const octets = (text) => Uint8Array.from(text, (octet) => octet.charCodeAt(0));
export const opaque = (text) => String.fromCharCode(...utf8(text));

/** As the golden files tell it: keys as octets, numbers of chains as text. */
export function told({ log, policy, chains }) {
  const vkeyOf = ({ name, keyId, type, publicKey }) =>
    opaque(`${name}+${toHex(keyId)}+${btoa(String.fromCharCode(type, ...publicKey))}`);
  return {
    log: { vkey: vkeyOf(log.key), url: log.url },
    witnesses: policy.witnesses.map(({ name, key, url }) => ({ name, vkey: vkeyOf(key), url })),
    groups: policy.groups,
    quorum: policy.quorum,
    chains: chains.map(({ id, contract, rpcs }) => ({ id: String(id), contract, rpcs })),
  };
}

async function outcome(text) {
  try {
    return told(await readTrust(octets(text)));
  } catch (error) {
    if (!(error instanceof TrustFault)) throw error;
    return [error.code, error.line];
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const texts = JSON.parse(readFileSync(0, "utf8"));
  process.stdout.write(JSON.stringify(await Promise.all(texts.map(outcome))));
}

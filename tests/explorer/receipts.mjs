// Builds what the verifier reads: a small log with real keys, its receipts, and a JSON-RPC endpoint to ask.

import { createServer } from "node:http";

import { concat, sha256, toBase64, toHex, utf8 } from "../../api/explorer/static/js/bytes.js";
import { leafHash } from "../../api/explorer/static/js/leaf.js";
import { nodeHash } from "../../api/explorer/static/js/merkle.js";

export const ORIGIN = "log.example/gramledger";

/** A leaf by its fields, written apart from the decoder under test. */
export function leafBytes({ kind = 1, form = 1, flags = 10, first = 0n, last = 1000n, parent = null } = {}) {
  const bytes = new Uint8Array(114);
  const view = new DataView(bytes.buffer);
  bytes.set([1, kind, form, flags]);
  view.setBigUint64(6, first);
  view.setBigUint64(14, last);
  view.setBigUint64(22, parent ?? 0xffffffffffffffffn);
  view.setBigUint64(28, (view.getBigUint64(28) & (0xffffn << 48n)) | 1_479_000_000_123n);
  bytes.fill(7, 62, 82);
  bytes.fill(9, 82, 114);
  return bytes;
}

/** RFC 9162 section 2.1.1 as it is written, recursive and slow: `[root, path of the leaf at index]`. */
export async function naiveTree(leaves, index) {
  if (leaves.length === 1) return [await leafHash(leaves[0]), []];
  let split = 1;
  while (2 * split < leaves.length) split *= 2;
  const [left, leftPath] = await naiveTree(leaves.slice(0, split), index);
  const [right, rightPath] = await naiveTree(leaves.slice(split), index - split);
  const root = await nodeHash(left, right);
  return [root, index < split ? [...leftPath, right] : [...rightPath, left]];
}

export async function makeKey(name, type) {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  const material = concat(Uint8Array.of(type), new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const keyId = (await sha256(utf8(`${name}\n`), material)).slice(0, 4);
  return { name, type, keyId, private: pair.privateKey, vkey: `${name}+${toHex(keyId)}+${toBase64(material)}` };
}

export async function signatureLine(key, body, timestamp = 1_479_000_000n) {
  const sign = async (text) => new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, key.private, utf8(text)));
  if (key.type === 1) return `\u2014 ${key.name} ${toBase64(concat(key.keyId, await sign(body)))}\n`;
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigUint64(0, timestamp);
  const signature = await sign(`cosignature/v1\ntime ${timestamp}\n${body}`);
  return `\u2014 ${key.name} ${toBase64(concat(key.keyId, time, signature))}\n`;
}

/** A log of `count` leaves, with its key, two cosigners, and the receipt of the leaf at `index`. */
export async function makeLog({ count = 7, index = 4 } = {}) {
  const leaves = Array.from({ length: count }, (_, i) => leafBytes({ first: BigInt(1000 * i), last: BigInt(1000 * i + 1000) }));
  const [root, path] = await naiveTree(leaves, index);
  const log = await makeKey(ORIGIN, 1);
  const cosigners = [await makeKey("centre.example/w", 4), await makeKey("bureau.example/w", 4)];
  const body = `${ORIGIN}\n${count}\n${toBase64(root)}\n`;
  const signatures = [];
  for (const key of [log, ...cosigners]) signatures.push(await signatureLine(key, body));
  const head = ["c2sp.org/tlog-proof@v1", `extra ${toBase64(leaves[index])}`, `index ${index}`, ...path.map(toBase64)];
  const receipt = `${head.join("\n")}\n\n${body}\n${signatures.join("")}`;
  const trust = { vkey: log.vkey, origin: ORIGIN, cosigners: cosigners.map((key) => ({ vkey: key.vkey, name: key.name })) };
  return { receipt, root, body, log, cosigners, trust, signatures, size: BigInt(count) };
}

/** Serve JSON-RPC on loopback: `answers` maps a method or a selector to a result; a function takes over the response. */
export async function serveChain(answers) {
  const server = createServer((request, response) => {
    if (typeof answers === "function") return void answers(request, response);
    let body = "";
    request.on("data", (piece) => (body += piece));
    request.on("end", () => {
      const { id, method, params } = JSON.parse(body);
      const result = answers[method === "eth_call" ? params[0].data.slice(0, 10) : method];
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(resolve);
  });
  return { rpc: `http://127.0.0.1:${server.address().port}`, stop };
}

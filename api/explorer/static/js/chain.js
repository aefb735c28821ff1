// What the chain says, read straight from a JSON-RPC endpoint by the visitor's browser.

import { fromHex, toHex } from "./bytes.js";

/** First four bytes of Keccak-256 of the function's signature. */
const ROOT_AT = "eaa38b41"; // rootAt(uint64)
const BROKEN = "7fb1ad62"; // broken()

/** For all questions together: the visitor waits no longer for the last step. */
const TIMEOUT_MS = 10_000;
/** Our three answers are under 200 bytes each. */
const MAX_ANSWER_CHARACTERS = 65_536;

/** An endpoint that does not answer, or answers something else than was asked. `code` names which. */
export class ChainSilent extends Error {
  constructor(code, detail = "") {
    super(detail ? `${code}: ${detail}` : code);
    this.name = "ChainSilent";
    this.code = code;
    this.detail = detail;
  }
}

/**
 * Read what the contract holds for a checkpoint of `size` leaves (BigInt). `chain` is `{rpc, id, contract}`, `fetch` the
 * browser's own unless a test gives another port. Resolves to `{root (32 bytes, or null when that size is not
 * anchored), broken}`; raises `ChainSilent`.
 */
export async function readAnchor(chain, size, fetch = globalThis.fetch) {
  if (!/^0x[0-9a-fA-F]{40}$/.test(chain.contract)) throw new ChainSilent("contract-address");
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const ask = (method, params) => call(chain.rpc, method, params, fetch, signal);
  const id = await ask("eth_chainId", []);
  if (!/^0x[0-9a-fA-F]{1,64}$/.test(id)) throw new ChainSilent("nonsense");
  if (BigInt(id) !== BigInt(chain.id)) throw new ChainSilent("other-chain", String(BigInt(id)));
  const view = async (data) => word(await ask("eth_call", [{ to: chain.contract, data: `0x${data}` }, "latest"]));
  const root = await view(ROOT_AT + size.toString(16).padStart(64, "0"));
  const broken = await view(BROKEN);
  return { root: isZero(root) ? null : root, broken: !isZero(broken) };
}

function word(answer) {
  if (answer === "0x") throw new ChainSilent("no-contract");
  if (!/^0x[0-9a-fA-F]{64}$/.test(answer)) throw new ChainSilent("nonsense");
  return fromHex(answer.slice(2));
}

function isZero(bytes) {
  return /^0*$/.test(toHex(bytes));
}

async function call(rpc, method, params, fetch, signal) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  let text;
  try {
    const headers = { "content-type": "application/json" };
    const response = await fetch(rpc, { method: "POST", headers, body, signal, credentials: "omit" });
    text = await readBounded(response);
  } catch (error) {
    if (error instanceof ChainSilent) throw error;
    throw new ChainSilent("unreachable");
  }
  return result(text);
}

/** Take the answer in pieces and stop at the limit: an endless answer must not fill the visitor's memory. */
async function readBounded(response) {
  const decoder = new TextDecoder();
  let text = "";
  for (let reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length <= MAX_ANSWER_CHARACTERS) continue;
    await reader.cancel();
    throw new ChainSilent("nonsense");
  }
}

function result(text) {
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new ChainSilent("nonsense");
  }
  if (answer?.error) throw new ChainSilent("refused", String(answer.error.message ?? "").slice(0, 200));
  if (typeof answer?.result !== "string") throw new ChainSilent("nonsense");
  return answer.result;
}

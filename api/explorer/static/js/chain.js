// What the chain says, read straight from a JSON-RPC endpoint by the visitor's browser.

import { readAddress } from "./address.js";
import { Malformed, fromHex, toHex } from "./bytes.js";

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
 * Read what the log's contracts hold for a checkpoint of `size` leaves (BigInt). `chains` are `{id, contract, rpcs}` in the
 * order of the log's moves, `fetch` the browser's own unless a test gives another port. Resolves to `{root (32 bytes, or
 * null where that size is not anchored), chain (the one that holds it, or the last), broken, isTwofold}`: twofold when two
 * roots are shown for one size, by two contracts or two endpoints. Raises `ChainSilent` when more than half of the
 * endpoints of some chain do not say the same.
 */
export async function readAnchors(chains, size, fetch = globalThis.fetch) {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answers = await Promise.all(chains.map((chain) => askAll(chain, size, fetch, signal)));
  const roots = answers.flat().filter(({ root }) => root).map(({ root }) => toHex(root));
  if (new Set(roots).size > 1) return { root: null, chain: chains.at(-1), broken: false, isTwofold: true };
  const agreed = chains.map((chain, at) => ({ chain, ...agreement(chain, answers[at]) }));
  const holder = agreed.findLast(({ root }) => root) ?? agreed.at(-1);
  return { root: holder.root, chain: holder.chain, broken: agreed.some(({ broken }) => broken), isTwofold: false };
}

/** What each endpoint of a chain says: `{root, broken}`, or `{fault}`. */
function askAll({ id, contract, rpcs }, size, fetch, signal) {
  return Promise.all([...new Set(rpcs)].map(async (rpc) => {
    try {
      return await readAnchor({ rpc, id, contract }, size, fetch, signal);
    } catch (fault) {
      if (fault instanceof ChainSilent) return { fault };
      throw fault;
    }
  }));
}

/** What more than half of a chain's endpoints say. */
function agreement(chain, answers) {
  const said = answers.filter(({ fault }) => !fault);
  for (const one of said) {
    const same = said.filter(({ root, broken }) => broken === one.broken && (root === null) === (one.root === null));
    if (2 * same.length > answers.length) return one;
  }
  throw answers.find(({ fault }) => fault)?.fault ?? new ChainSilent("few-agree", String(chain.id));
}

async function readAnchor({ rpc, id, contract }, size, fetch, signal) {
  const to = addressOf(contract);
  const ask = (method, params) => call(rpc, method, params, fetch, signal);
  const said = await ask("eth_chainId", []);
  if (!/^0x[0-9a-fA-F]{1,64}$/.test(said)) throw new ChainSilent("nonsense");
  if (BigInt(said) !== BigInt(id)) throw new ChainSilent("other-chain", String(BigInt(said)));
  const view = async (data) => word(await ask("eth_call", [{ to, data: `0x${data}` }, "latest"]));
  const root = await view(ROOT_AT + size.toString(16).padStart(64, "0"));
  const broken = await view(BROKEN);
  return { root: isZero(root) ? null : root, broken: !isZero(broken) };
}

function addressOf(contract) {
  try {
    return readAddress(contract);
  } catch (error) {
    if (error instanceof Malformed) throw new ChainSilent("contract-address");
    throw error;
  }
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
    throw new ChainSilent("unreachable", shownOf(rpc));
  }
  return result(text);
}

/** Who does not answer: an endpoint's path may hold a secret of its owner's. */
function shownOf(rpc) {
  return URL.canParse(rpc) ? new URL(rpc).host : rpc;
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

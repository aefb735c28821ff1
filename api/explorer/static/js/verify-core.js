// Verify a receipt, in the browser or in Node, with nothing but Web Crypto and, for the last step, the chain's RPC.
//
//   1  read the receipt
//   2  the checkpoint is of the origin expected, and the log's key signed it
//   3  enough of the witnesses known cosigned it
//   4  the leaf decodes; its hash
//   5  the inclusion path leads from that hash to the checkpoint's root
//   6  the root anchored on the chain for that size is the checkpoint's root
//
// Each step ends as "ok", "failed", "not-checked" or "not-asked" (the visitor gave nothing to hold it against); a step that
// could not be done, or was not asked for, never counts as done.

import { Malformed, NoWebCrypto, equal, subtle, toHex } from "./bytes.js";
import { ChainSilent, readAnchors } from "./chain.js";
import { decodeLeaf, leafHash } from "./leaf.js";
import { climb } from "./merkle.js";
import { checkSignature } from "./note.js";
import { parseReceipt } from "./receipt.js";
import { NONE, isMet, kOf, labelOf, needs, readLogKey } from "./trust-policy.js";
import { REASONS, STEPS, fill } from "./verify-texts.js";

/** The steps in order; their numbers are those of the command `gram verify`. */
export const ORDER = ["receipt", "checkpoint", "cosignatures", "leaf", "inclusion", "anchor"];

/**
 * Verify `file` (bytes or text of a receipt).
 *
 * `trust` is what the visitor chooses to believe: `{vkey, origin?, policy? (trust-policy.js) or cosigners?: [{vkey, name}]
 * and threshold?, chains?: [{id, contract, rpcs}]}`. Resolves, and never rejects for what is in the file, to `{verdict,
 * steps, receipt, movement}`: verdict "proven", "partly", "refuted", "another-log", "unchecked" or "unreadable"; steps
 * `{number, id, outcome, reason, facts, zh, en, title_zh, title_en}`; `movement` is the decoded leaf, or null.
 */
export async function verifyReceipt(file, trust, { fetch = globalThis.fetch } = {}) {
  const [read, receipt] = readStep(file); // 1
  if (receipt === null) return report([read, ...ORDER.slice(1).map((id) => unchecked(id, "needs-receipt"))], null, null);
  const steps = await receiptSteps(receipt, trust, fetch); // 2 to 6
  return report([read, ...steps], receipt, steps[2].movement ?? null);
}

/** Take steps 2 to 6 on a receipt that was read. */
export async function receiptSteps(receipt, trust, fetch) {
  const signed = await guarded("checkpoint", () => checkpointStep(receipt.checkpoint, trust)); // 2
  const cosigned = await guarded("cosignatures", () => cosignatureStep(receipt.checkpoint, trust)); // 3
  const hashed = await guarded("leaf", () => leafStep(receipt.leaf)); // 4
  const included = await guarded("inclusion", () => inclusionStep(receipt)); // 5
  const anchored = await anchorStep(receipt.checkpoint, trust.chains ?? [], fetch); // 6
  return [signed, cosigned, hashed, included, anchored];
}

function readStep(file) {
  try {
    const receipt = parseReceipt(file);
    const facts = { index: receipt.index, rungs: receipt.path.length, size: receipt.checkpoint.size };
    return [ok("receipt", "receipt-read", facts), receipt];
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return [failed("receipt", "receipt-malformed", { fault: error.message }), null];
  }
}

async function checkpointStep(checkpoint, trust) {
  if (!trust.vkey) return unchecked("checkpoint", "no-vkey");
  const key = await orNull(readLogKey(trust.vkey));
  if (key === null) return unchecked("checkpoint", "bad-vkey");
  const facts = { origin: checkpoint.origin, expected: trust.origin || key.name };
  if (facts.origin !== facts.expected) return failed("checkpoint", "other-origin", facts);
  const { outcome } = await checkSignature(checkpoint, key);
  if (outcome === "unsupported") return unchecked("checkpoint", "no-ed25519");
  if (outcome === "ok") return ok("checkpoint", "log-signed", facts);
  return failed("checkpoint", outcome === "absent" ? "log-unsigned" : "log-badly-signed", facts);
}

async function cosignatureStep(checkpoint, trust) {
  const policy = trust.policy ?? (await orNull(kOf((trust.cosigners ?? []).filter(({ vkey }) => vkey), trust.threshold)));
  if (policy === null) return unchecked("cosignatures", "bad-cosigners");
  const found = { ok: [], failed: [], absent: [], unsupported: [] };
  for (const witness of policy.witnesses) found[(await checkSignature(checkpoint, witness.key)).outcome].push(witness);
  return weigh(found, policy);
}

/** One bad cosignature refutes, and so does too few for the quorum, as in the command `gram verify`. */
function weigh({ ok: held, failed: bad, unsupported }, policy) {
  const facts = { count: held.length, total: policy.witnesses.length, names: held.map(labelOf).join(", "), needs: needs(policy) };
  if (bad.length > 0) return failed("cosignatures", "badly-cosigned", { names: bad.map(labelOf).join(", ") });
  if (unsupported.length > 0) return unchecked("cosignatures", "no-ed25519");
  if (policy.quorum === NONE) return notAsked("cosignatures", "no-cosigners");
  if (isMet(policy, new Set(held.map(({ name }) => name)))) return ok("cosignatures", "cosigned", facts);
  return failed("cosignatures", held.length === 0 ? "not-cosigned" : "too-few-cosigners", facts);
}

async function orNull(read) {
  try {
    return await read;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

async function leafStep(leaf) {
  try {
    const movement = decodeLeaf(leaf);
    return { ...ok("leaf", "leaf-hashed", { hash: toHex(await leafHash(leaf)) }), movement };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return unchecked("leaf", "leaf-malformed", { fault: error.message }); // perhaps of a version that comes after us
  }
}

async function inclusionStep({ leaf, index, path, checkpoint }) {
  const climbed = await climb(index, checkpoint.size, await leafHash(leaf), path);
  const facts = { rungs: path.length, root: toHex(checkpoint.root) };
  if (climbed === null || !equal(climbed.root, checkpoint.root)) return failed("inclusion", "not-included", facts);
  return { ...ok("inclusion", "included", facts), rungs: climbed.rungs };
}

async function anchorStep({ size, root }, chains, fetch) {
  if (chains.length === 0) return notAsked("anchor", "no-chain");
  const bare = chains.find(({ rpcs }) => rpcs.length === 0);
  if (bare) return notAsked("anchor", "no-endpoint", { chain: bare.id });
  try {
    const anchor = await readAnchors(chains, size, fetch);
    const facts = { size, contract: anchor.chain.contract, chain: anchor.chain.id };
    if (anchor.isTwofold) return failed("anchor", "two-roots", facts);
    if (anchor.broken) return failed("anchor", "broken", facts);
    if (anchor.root === null) return unchecked("anchor", "not-anchored", facts);
    return equal(anchor.root, root) ? ok("anchor", "anchored", facts) : failed("anchor", "other-root", facts);
  } catch (error) {
    if (!(error instanceof ChainSilent)) throw error;
    return unchecked("anchor", error.code, { size, detail: error.detail });
  }
}

/** Without Web Crypto no hash and no signature can be checked; that is no fault of the receipt. */
export async function guarded(id, step) {
  try {
    subtle();
    return await step();
  } catch (error) {
    if (error instanceof NoWebCrypto) return unchecked(id, "no-web-crypto");
    throw error;
  }
}

export const ok = (id, reason, facts = {}) => ({ id, outcome: "ok", reason, facts });
export const failed = (id, reason, facts = {}) => ({ id, outcome: "failed", reason, facts });
export const unchecked = (id, reason, facts = {}) => ({ id, outcome: "not-checked", reason, facts });
const notAsked = (id, reason, facts = {}) => ({ id, outcome: "not-asked", reason, facts });

export function report(steps, receipt, movement) {
  return { verdict: verdict(steps, receipt), steps: steps.map(worded), receipt, movement };
}

/** As in `gram verify`, the first step that does not hold decides: what stands on it says nothing. */
function verdict(steps, receipt) {
  if (receipt === null) return "unreadable";
  const stop = steps.find(({ outcome }) => outcome === "failed" || outcome === "not-checked");
  if (stop?.reason === "other-origin") return "another-log";
  if (stop) return stop.outcome === "failed" ? "refuted" : "unchecked";
  return steps.every(({ outcome }) => outcome === "ok") ? "proven" : "partly";
}

function worded(step, place) {
  const { zh, en } = REASONS[step.reason];
  return {
    ...step,
    number: place + 1,
    title_zh: STEPS[step.id].zh,
    title_en: STEPS[step.id].en,
    zh: fill(zh, step.facts),
    en: fill(en, step.facts),
  };
}

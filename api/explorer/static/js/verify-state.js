// Verify a state proof, in the browser or in Node: the record's receipt by steps 1 to 6 of verify-core.js, and then
//
//   7  the record's leaf is a STATE and nothing else, whose evidence says this size, frontier and root
//   8  the entries shown, with the nodes beside them, make that root, each where the spans left of it end
//   9  they cover the grams asked for; not asked where none were named

import { Malformed, equal } from "./bytes.js";
import { Untrue, STATE, checkEntries, parseStateProof, partsOf, stateEvidence } from "./state-proof.js";
import { ORDER, failed, guarded, notAsked, ok, receiptSteps, report, unchecked } from "./verify-core.js";

/** The steps in order; their numbers are those of the command `gram verify`. */
export const STATE_ORDER = [...ORDER, "record", "map", "cover"];

/**
 * Verify `file` (bytes or text of a state proof); `trust` as for `verifyReceipt`, `asked` the grams `[first, last)` as
 * BigInt, or null for all that are shown. Resolves as `verifyReceipt`, with `parts` beside: the state of these grams,
 * null when a step from 7 on does not hold.
 */
export async function verifyStateProof(file, trust, { fetch = globalThis.fetch, asked = null } = {}) {
  const [read, proof] = readStep(file); // 1
  if (proof === null) {
    return { ...report([read, ...STATE_ORDER.slice(1).map((id) => unchecked(id, "needs-receipt"))], null, null), parts: null };
  }
  const steps = await receiptSteps(proof.receipt, trust, fetch); // 2 to 6
  const movement = steps[2].movement ?? null;
  const recorded = await guarded("record", () => recordStep(proof, movement)); // 7
  const mapped = await guarded("map", () => mapStep(proof)); // 8
  const holds = recorded.outcome === "ok" && mapped.outcome === "ok";
  const parts = holds ? partsOf(proof, asked) : null;
  return { ...report([read, ...steps, recorded, mapped, coverStep(asked, parts)], proof.receipt, movement), parts };
}

function readStep(file) {
  try {
    const proof = parseStateProof(file);
    const facts = { index: proof.receipt.index, shown: proof.shown.length, entries: proof.entries };
    return [ok("receipt", "state-read", facts), proof];
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return [failed("receipt", "state-malformed", { fault: error.message }), null];
  }
}

async function recordStep(proof, movement) {
  const facts = { index: proof.receipt.index };
  if (movement?.kind !== STATE) return failed("record", "no-record", facts);
  if (!isBare(movement) || !equal(movement.evidence, await stateEvidence(proof))) return failed("record", "other-state", facts);
  return ok("record", "recorded", facts);
}

/** Of a record of the state, all is zero but its time and evidence. */
function isBare({ form, flags, purpose, first, last, parent, until, fromTag, toTag }) {
  const numbers = [form, flags, purpose, Number(first), Number(last), Number(until), ...fromTag, ...toTag];
  return parent === null && numbers.every((number) => number === 0);
}

function coverStep(asked, parts) {
  if (asked === null) return notAsked("cover", "none-named");
  const facts = { first: asked[0], last: asked[1] - 1n };
  return parts === null ? unchecked("cover", "not-covered", facts) : ok("cover", "covered", facts);
}

async function mapStep(proof) {
  try {
    await checkEntries(proof);
    return ok("map", "mapped", { frontier: proof.frontier });
  } catch (error) {
    if (error instanceof Malformed) return unchecked("map", "leaf-malformed", { fault: error.message });
    if (!(error instanceof Untrue)) throw error;
    return failed("map", "unmapped", { fault: error.detail });
  }
}

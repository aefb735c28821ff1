// Verify a state proof, in the browser or in Node: the record's receipt by steps 1 to 6 of verify-core.js, and then
//
//   7  the record's leaf is a STATE whose evidence says this size, frontier and root
//   8  the entries shown, with the nodes beside them, make that root, each where the spans left of it end

import { Malformed, equal } from "./bytes.js";
import { Untrue, STATE, checkEntries, parseStateProof, partsOf, stateEvidence } from "./state-proof.js";
import { ORDER, failed, guarded, ok, receiptSteps, report, unchecked } from "./verify-core.js";

/** The steps in order; their numbers are those of the command `gram verify`. */
export const STATE_ORDER = [...ORDER, "record", "map"];

/**
 * Verify `file` (bytes or text of a state proof); `trust` as for `verifyReceipt`, `asked` the grams `[first, last)` as
 * BigInt, or null for all that are shown. Resolves as `verifyReceipt`, with `parts` beside: the state of these grams,
 * null when step 7 or 8 does not hold or the proof does not show all of them.
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
  const found = report([read, ...steps, recorded, mapped], proof.receipt, movement);
  const holds = recorded.outcome === "ok" && mapped.outcome === "ok";
  return { ...found, parts: holds ? partsOf(proof, asked) : null };
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
  if (!equal(movement.evidence, await stateEvidence(proof))) return failed("record", "other-state", facts);
  return ok("record", "recorded", facts);
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

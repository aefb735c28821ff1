import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { toHex, utf8 } from "../../api/explorer/static/js/bytes.js";
import { isStateProof, parseStateProof, stateEvidence } from "../../api/explorer/static/js/state-proof.js";
import { STATE_ORDER, verifyStateProof } from "../../api/explorer/static/js/verify-state.js";
import { STATE_VERDICTS, VERDICTS } from "../../api/explorer/static/js/verify-texts.js";

const { keys: [keys], records: [record], proofs, bad } = JSON.parse(
  readFileSync(new URL("../vectors/state.json", import.meta.url), "utf8"),
);
const trust = { vkey: keys.vkey, cosigners: keys.cosigners.map((vkey) => ({ vkey })), threshold: 2 };
const verify = (file, asked = null) => verifyStateProof(file, trust, { asked });

test("golden proofs hold and say the state of what is asked", async () => {
  assert.ok(proofs.length > 4);
  for (const { asked, proof, parts } of proofs) {
    assert.ok(isStateProof(proof) && isStateProof(utf8(proof)));
    const found = await verify(utf8(proof), asked.map(BigInt));
    assert.deepEqual(found.steps.map(({ id, outcome }) => [id, outcome]),
      STATE_ORDER.map((id) => [id, id === "anchor" ? "not-asked" : "ok"]));
    assert.deepEqual(found.steps.map(({ number }) => number), [1, 2, 3, 4, 5, 6, 7, 8]);
    const said = found.parts.map(({ first, last, index, state, into }) => ({
      first: String(first), last: String(last), index: index === null ? null : String(index), state: state.replace("-", " "),
      into: into && into.map(String),
    }));
    assert.deepEqual(said, parts);
    for (const step of found.steps) for (const text of [step.zh, step.en]) assert.doesNotMatch(text, /[{}]/);
  }
});

test("golden bad proofs fail at their step", async () => {
  assert.ok(bad.length > 20);
  for (const { step, proof } of bad) {
    const found = await verify(proof);
    assert.equal(found.steps.find(({ outcome }) => outcome === "failed")?.number, step, proof.slice(0, 200));
    assert.ok(["refuted", "unreadable"].includes(found.verdict));
    if (step !== 5) assert.equal(found.parts, null);
  }
});

test("the record's evidence is made from what the proof says", async () => {
  assert.equal(toHex(await stateEvidence(parseStateProof(proofs[0].proof))), record.evidence);
});

test("a proof that does not show all of a range says nothing of it", async () => {
  const found = await verify(proofs[2].proof, [0n, 1n << 63n]);
  assert.equal(found.parts, null);
});

test("what is shown to its end goes on as never issued", async () => {
  const found = await verify(proofs.at(-1).proof);
  assert.deepEqual([found.parts.at(-1).last, found.parts.at(-1).state], [null, "not-issued"]);
});

test("any altered character is refused", async () => {
  const { proof } = proofs[2];
  for (let at = 0; at < proof.length; at += 11) {
    const other = proof[at] === "B" ? "C" : "B";
    const found = await verify(proof.slice(0, at) + other + proof.slice(at + 1));
    assert.ok(["refuted", "unreadable", "another-log", "unchecked"].includes(found.verdict), String(at));
  }
});

test("oversized and truncated files are unreadable", async () => {
  const { proof } = proofs[1];
  assert.equal((await verify("x".repeat(2_000_000))).verdict, "unreadable");
  assert.equal((await verify(proof.slice(0, proof.indexOf("\n\n")))).verdict, "unreadable");
  assert.equal((await verify(proof.replace("\n\n", `\n${"entry 0 1 -\n".repeat(1200)}\n`))).verdict, "unreadable");
});

test("every verdict has words of its own", () => {
  assert.deepEqual(Object.keys(STATE_VERDICTS), Object.keys(VERDICTS));
});

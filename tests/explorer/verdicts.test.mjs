// One verdict for one file: tests/vectors/verdicts.json has what `gram verify` says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { utf8 } from "../../api/explorer/static/js/bytes.js";
import { isStateProof } from "../../api/explorer/static/js/state-proof.js";
import { readTrust } from "../../api/explorer/static/js/trust-file.js";
import { verifyReceipt } from "../../api/explorer/static/js/verify-core.js";
import { verifyStateProof } from "../../api/explorer/static/js/verify-state.js";
import { STATE_VERDICTS, VERDICTS } from "../../api/explorer/static/js/verify-texts.js";

const { keys, files, trusted } = JSON.parse(readFileSync(new URL("../vectors/verdicts.json", import.meta.url), "utf8"));
/** What the page calls unreadable, the command cannot check. */
const ofCommand = (verdict) => (verdict === "unreadable" ? "unchecked" : verdict);

test("there are files of every verdict that can be without a chain", () => {
  for (const list of [files, trusted]) {
    assert.deepEqual(new Set(list.map((file) => file.verdict)), new Set(["partly", "refuted", "unchecked", "another-log"]));
  }
});

for (const { name, verdict, parts, cosigned } of files) {
  test(name, async () => {
    const bytes = utf8(parts.map(([text, times]) => text.repeat(times)).join(""));
    const cosigners = cosigned ? keys[0].cosigners.map((vkey) => ({ vkey })) : [];
    const verify = isStateProof(bytes) ? verifyStateProof : verifyReceipt;
    const found = await verify(bytes, { vkey: keys[0].vkey, cosigners });
    assert.equal(ofCommand(found.verdict), verdict, JSON.stringify(found.steps.map((step) => step.en)));
    assert.ok(VERDICTS[found.verdict] && STATE_VERDICTS[found.verdict]);
  });
}

for (const { name, verdict, receipt, trust } of trusted) {
  test(`by a trust file: ${name}`, async () => {
    const { log, policy, chains } = await readTrust(utf8(trust));
    const found = await verifyReceipt(utf8(receipt), { vkey: log.vkey, policy, chains });
    assert.equal(ofCommand(found.verdict), verdict, JSON.stringify(found.steps.map((step) => step.en)));
  });
}

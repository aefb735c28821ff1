// One verdict for one file: tests/vectors/verdicts.json has what `gram verify` says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { utf8 } from "../../api/explorer/static/js/bytes.js";
import { isStateProof } from "../../api/explorer/static/js/state-proof.js";
import { verifyReceipt } from "../../api/explorer/static/js/verify-core.js";
import { verifyStateProof } from "../../api/explorer/static/js/verify-state.js";
import { STATE_VERDICTS, VERDICTS } from "../../api/explorer/static/js/verify-texts.js";

const { keys, files } = JSON.parse(readFileSync(new URL("../vectors/verdicts.json", import.meta.url), "utf8"));
/** The page's words for the command's; without a chain nothing is more than partly checked here. */
const OF_COMMAND = {
  partly: "holds", refuted: "refuted", unchecked: "unchecked", unreadable: "unchecked", "another-log": "another-log",
};

test("there are files of every verdict", () => {
  assert.deepEqual(new Set(files.map((file) => file.verdict)), new Set(Object.values(OF_COMMAND)));
});

for (const { name, verdict, parts, cosigned } of files) {
  test(name, async () => {
    const bytes = utf8(parts.map(([text, times]) => text.repeat(times)).join(""));
    const cosigners = cosigned ? keys[0].cosigners.map((vkey) => ({ vkey })) : [];
    const verify = isStateProof(bytes) ? verifyStateProof : verifyReceipt;
    const found = await verify(bytes, { vkey: keys[0].vkey, cosigners });
    assert.equal(OF_COMMAND[found.verdict], verdict, JSON.stringify(found.steps.map((step) => step.en)));
    assert.ok(VERDICTS[found.verdict] && STATE_VERDICTS[found.verdict]);
  });
}

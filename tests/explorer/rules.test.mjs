import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { fromHex } from "../../api/explorer/static/js/bytes.js";
import { decodeLeaf } from "../../api/explorer/static/js/leaf.js";
import { RULES, belongTogether, convictingRule } from "../../api/explorer/static/js/rules.js";

const vectors = JSON.parse(readFileSync(new URL("../vectors/rules.json", import.meta.url), "utf8"));
const leaves = vectors.leaves.map((hex) => fromHex(hex.slice(2)));

function outcome(accused, index, other, otherIndex) {
  const rule = convictingRule(accused, index, other, otherIndex);
  if (rule !== null) return RULES.indexOf(rule).toString(36);
  return belongTogether(decodeLeaf(accused), index, decodeLeaf(other), otherIndex) ? "0" : "-";
}

for (const { name, index, other_index, accused, others, outcomes } of vectors.tables) {
  test(`golden table: ${name}`, () => {
    const found = accused.flatMap((one) =>
      others.map((other) => outcome(leaves[one], BigInt(index), leaves[other], BigInt(other_index))));
    assert.ok(found.length > 0);
    assert.equal(found.join(""), outcomes);
  });
}

// One reading of one trust file: tests/vectors/trust.json has what the command reads, and refuses.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { checksummed } from "../../api/explorer/static/js/address.js";
import { toHex, utf8 } from "../../api/explorer/static/js/bytes.js";
import { keccak256 } from "../../api/explorer/static/js/keccak.js";
import { readTrust, TrustFault } from "../../api/explorer/static/js/trust-file.js";
import { isMet, kOf, needs } from "../../api/explorer/static/js/trust-policy.js";
import { TRUST_FAULTS, faultSentence } from "../../api/explorer/static/js/trust-texts.js";

const vectors = JSON.parse(readFileSync(new URL("../vectors/trust.json", import.meta.url), "utf8"));
const octets = (text) => Uint8Array.from(text, (octet) => octet.charCodeAt(0));
const opaque = (text) => String.fromCharCode(...utf8(text));
const [LONGEST] = vectors.read.filter((file) => file.trust.groups.length === 3);

/** As the vectors tell it: keys as octets, numbers of chains as text. */
function told({ log, policy, chains }) {
  const vkeyOf = ({ name, keyId, type, publicKey }) =>
    opaque(`${name}+${toHex(keyId)}+${btoa(String.fromCharCode(type, ...publicKey))}`);
  return {
    log: { vkey: vkeyOf(log.key), url: log.url },
    witnesses: policy.witnesses.map(({ name, key, url }) => ({ name, vkey: vkeyOf(key), url })),
    groups: policy.groups,
    quorum: policy.quorum,
    chains: chains.map(({ id, contract, rpcs }) => ({ id: String(id), contract, rpcs })),
  };
}

for (const { name, text, trust, signed } of vectors.read) {
  test(`read: ${name}`, async () => {
    const found = await readTrust(octets(text));
    assert.deepEqual(told(found), trust);
    assert.equal(opaque(found.log.vkey), trust.log.vkey);
    for (const [places, met] of signed) {
      const names = new Set(places.map((at) => found.policy.witnesses[at].name));
      assert.equal(isMet(found.policy, names), met);
    }
  });
}

for (const { name, text, times, fault, line } of vectors.refused) {
  test(`refused: ${name}`, async () => {
    await assert.rejects(readTrust(octets(text.repeat(times))), (error) => {
      assert.ok(error instanceof TrustFault, error.stack);
      assert.deepEqual([error.code, error.line], [fault, line]);
      for (const lang of ["zh", "en"]) {
        const sentence = faultSentence(error, lang);
        assert.ok(sentence.endsWith(`[${fault}]`));
        assert.ok(line === null || sentence.includes(` ${line} `) || sentence.includes(` ${line}:`));
        assert.doesNotMatch(sentence.replace(error.what, ""), /[{}]|undefined|null/);
      }
      return true;
    });
  });
}

test("every code has a sentence in both languages, and no other has", () => {
  assert.deepEqual(new Set(Object.keys(TRUST_FAULTS)), new Set(vectors.refused.map((file) => file.fault)));
});

test("a file cut anywhere is refused, but after a line that could be its last", async () => {
  const bytes = octets(LONGEST.text);
  for (let length = 0; length < bytes.length; length += 1) {
    await assert.rejects(readTrust(bytes.slice(0, length)), TrustFault);
  }
});

test("what a quorum takes is told with its groups", async () => {
  const { policy } = await readTrust(octets(LONGEST.text));
  const [x, y] = [[1, 2, 3], [4, 5, 6]].map((group) => group.map((at) => `w${at}.example`).join(", "));
  assert.equal(needs(policy), `2/2 (2/3 (${x}), 1/3 (${y}))`);
});

test("of keys alone more than half are asked, and one key under two names is refused", async () => {
  const keys = LONGEST.trust.witnesses.map(({ vkey }) => ({ vkey }));
  const policy = await kOf([...keys.slice(0, 3), keys[0]]);
  assert.equal(policy.groups[0].threshold, 2);
  assert.equal(policy.witnesses.length, 3);
  const { text } = vectors.refused.find((file) => file.name === "one key under two names");
  const [first, , , again] = text.trim().split("\n").map((line) => ({ vkey: line.split(" ")[2] }));
  await assert.rejects(kOf([first, again]), /key-twice/);
  for (const threshold of [0, 4]) await assert.rejects(kOf(keys.slice(0, 3), threshold), /threshold/);
  assert.equal((await kOf([])).quorum, "none");
});

test("Keccak-256 is Ethereum's", () => {
  // The empty string: the Yellow Paper; selectors: chain.js; two whole blocks of the sponge, and one octet less and more.
  assert.equal(toHex(keccak256(utf8(""))), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
  assert.ok(toHex(keccak256(utf8("rootAt(uint64)"))).startsWith("eaa38b41"));
  assert.ok(toHex(keccak256(utf8("broken()"))).startsWith("7fb1ad62"));
  const hashes = {
    135: "34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446",
    136: "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e",
    137: "d869f639c7046b4929fc92a4d988a8b22c55fbadb802c0c66ebcd484f1915f39",
    300: "5b7e0e47a96f32a88b4f14ca177982790807c40e1a105742ba0fc1babe1ef826",
  };
  for (const [length, hash] of Object.entries(hashes)) assert.equal(toHex(keccak256(utf8("a".repeat(length)))), hash);
});

test("the addresses in the text of EIP-55 have their checksums", () => {
  const { trust } = vectors.read.find((file) => file.name.startsWith("contracts in every case"));
  const addresses = new Set(trust.chains.map(({ contract }) => contract));
  assert.equal(addresses.size, 5);
  for (const address of addresses) assert.equal(checksummed(address.toLowerCase()), address);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Malformed, concat, fromBase64, fromHex, sha256, toBase64, toHex, utf8 } from "../../api/explorer/static/js/bytes.js";
import { decodeLeaf, flagNames, leafHash, serial } from "../../api/explorer/static/js/leaf.js";
import { verifyInclusion } from "../../api/explorer/static/js/merkle.js";
import { checkSignature, parseCheckpoint, parseVkey } from "../../api/explorer/static/js/note.js";
import { parseReceipt } from "../../api/explorer/static/js/receipt.js";
import { ORDER, verifyReceipt } from "../../api/explorer/static/js/verify-core.js";
import { OUTCOMES, REASONS, VERDICTS } from "../../api/explorer/static/js/verify-texts.js";
import { leafBytes, makeKey, makeLog, serveChain, signatureLine } from "./receipts.mjs";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8"));
const outcomes = (result) => result.steps.map((step) => step.outcome);
const CONTRACT = "0x00000000000000000000000000000000000000aa";
const word = (hex) => `0x${hex.padStart(64, "0")}`;
const chainOf = (...rpcs) => ({ rpcs, id: 31337n, contract: CONTRACT });
const answersFor = (root) => ({ eth_chainId: "0x7a69", "0xeaa38b41": word(root), "0x7fb1ad62": word("0") });

async function verifyAgainst(answers, log) {
  const chain = await serveChain(answers);
  try {
    return await verifyReceipt(log.receipt, { ...log.trust, chains: [chainOf(chain.rpc)] });
  } finally {
    await chain.stop();
  }
}

test("golden inclusion proofs hold", async () => {
  const { inclusion } = vectors("merkle.json");
  assert.ok(inclusion.length > 0);
  for (const { index, size, leaf_hash, root, path } of inclusion) {
    assert.ok(await verifyInclusion(BigInt(index), BigInt(size), fromHex(leaf_hash), path.map(fromHex), fromHex(root)));
  }
});

test("golden bad inclusion proofs do not hold", async () => {
  const { bad_inclusion } = vectors("merkle.json");
  assert.ok(bad_inclusion.length > 0);
  for (const { index, size, leaf_hash, root, path } of bad_inclusion) {
    const held = await verifyInclusion(BigInt(index), BigInt(size), fromHex(leaf_hash), path.map(fromHex), fromHex(root));
    assert.equal(held, false);
  }
});

test("golden leaves decode to their fields and hash to their leaf hash", async () => {
  const { lawful_log, extremes } = vectors("leaf.json");
  assert.ok(lawful_log.length > 0 && extremes.length > 0);
  for (const { movement, hex, leaf_hash } of [...lawful_log, ...extremes]) {
    const bytes = fromHex(hex);
    const { fromTag, toTag, evidence, first, last, parent, at, until, ...codes } = decodeLeaf(bytes);
    assert.deepEqual(movement, {
      ...codes, first: String(first), last: String(last), parent: parent === null ? null : String(parent),
      at: Number(at), until: Number(until), from_tag: toHex(fromTag), to_tag: toHex(toTag), evidence: toHex(evidence),
    });
    assert.equal(toHex(await leafHash(bytes)), leaf_hash);
  }
});

test("golden malformed leaves are refused", () => {
  const { malformed } = vectors("leaf.json");
  assert.ok(malformed.length > 0);
  for (const hex of malformed) assert.throws(() => decodeLeaf(fromHex(hex)), Malformed);
});

test("every leaf of every small tree is found where it is, and nowhere else", async () => {
  for (let count = 1; count <= 9; count += 1) {
    for (let index = 0; index < count; index += 1) {
      const { receipt } = await makeLog({ count, index });
      const { leaf, path, checkpoint } = parseReceipt(receipt);
      const hash = await leafHash(leaf);
      for (let claimed = 0; claimed < count; claimed += 1) {
        const held = await verifyInclusion(BigInt(claimed), BigInt(count), hash, path, checkpoint.root);
        assert.equal(held, claimed === index);
      }
    }
  }
});

test("a whole receipt is proven, step by step", async () => {
  const log = await makeLog();
  const result = await verifyAgainst(answersFor(toHex(log.root)), log);
  assert.equal(result.verdict, "proven");
  assert.deepEqual(result.steps.map((step) => step.id), ORDER);
  assert.deepEqual(result.steps.map((step) => step.number), [1, 2, 3, 4, 5, 6]);
  assert.equal(serial(result.movement.first, result.movement.last), "SHCER-4000-4999");
  for (const step of result.steps) for (const text of [step.zh, step.en]) assert.doesNotMatch(text, /[{}]/);
});

test("without a chain the other steps are checked and the last says that it was not", async () => {
  const { receipt, trust } = await makeLog();
  const result = await verifyReceipt(receipt, trust);
  assert.deepEqual(outcomes(result), ["ok", "ok", "ok", "ok", "ok", "not-asked"]);
  assert.equal(result.verdict, "partly");
});

test("a changed leaf does not lead to the root", async () => {
  const { receipt, trust } = await makeLog();
  const forged = receipt.replace(/extra .*/, `extra ${toBase64(leafBytes({ first: 0n, last: 9_000_000n }))}`);
  const result = await verifyReceipt(forged, trust);
  assert.deepEqual(outcomes(result), ["ok", "ok", "ok", "ok", "failed", "not-asked"]);
  assert.equal(result.verdict, "refuted");
});

test("a checkpoint of another size is no longer signed", async () => {
  const { receipt, trust } = await makeLog();
  const result = await verifyReceipt(receipt.replace("\n7\n", "\n8\n"), trust);
  assert.deepEqual(outcomes(result).slice(1, 3), ["failed", "failed"]);
});

test("another log's key and another origin are refused", async () => {
  const { receipt, trust } = await makeLog();
  const stranger = await makeKey("log.example/gramledger", 1);
  assert.equal((await verifyReceipt(receipt, { ...trust, vkey: stranger.vkey })).steps[1].reason, "log-unsigned");
  assert.equal((await verifyReceipt(receipt, { ...trust, origin: "elsewhere" })).steps[1].reason, "other-origin");
});

test("cosignatures count against the threshold, and a forged one refutes", async () => {
  const { receipt, trust, body, signatures, cosigners } = await makeLog();
  const alone = receipt.replace(signatures[2], "");
  assert.equal((await verifyReceipt(alone, { ...trust, threshold: 2 })).steps[2].reason, "too-few-cosigners");
  assert.equal((await verifyReceipt(alone, { ...trust, threshold: 1 })).steps[2].outcome, "ok");
  assert.equal((await verifyReceipt(alone, { ...trust, threshold: undefined })).steps[2].reason, "too-few-cosigners");
  const one = { ...trust, cosigners: trust.cosigners.slice(0, 1), threshold: undefined };
  assert.equal((await verifyReceipt(alone, one)).steps[2].outcome, "ok");
  const twice = { ...trust, cosigners: [...trust.cosigners, ...trust.cosigners], threshold: 2 };
  assert.equal((await verifyReceipt(alone, twice)).steps[2].reason, "too-few-cosigners");
  const none = alone.replace(signatures[1], "");
  const unsigned = await verifyReceipt(none, trust);
  assert.deepEqual([unsigned.steps[2].reason, unsigned.steps[2].outcome, unsigned.verdict], ["not-cosigned", "failed", "refuted"]);
  const trusting = await verifyReceipt(none, { ...trust, cosigners: [] });
  assert.deepEqual([trusting.steps[2].reason, trusting.steps[2].outcome], ["no-cosigners", "not-asked"]);
  const later = await signatureLine(cosigners[0], `${body}more\n`);
  assert.equal((await verifyReceipt(receipt.replace(signatures[1], later), trust)).steps[2].reason, "badly-cosigned");
});

test("one key under two names is not counted twice, and keys that are none ask in vain", async () => {
  const { receipt, trust, cosigners } = await makeLog();
  const [key] = cosigners;
  const renamed = { ...key, name: "another.example/w" };
  const material = concat(utf8(`${renamed.name}\n`), fromBase64(key.vkey.split("+").slice(2).join("+")));
  renamed.keyId = (await sha256(material)).slice(0, 4);
  renamed.vkey = `${renamed.name}+${toHex(renamed.keyId)}+${key.vkey.split("+").slice(2).join("+")}`;
  const again = receipt + (await signatureLine(renamed, receipt.split("\n\n")[1] + "\n"));
  const two = [key, renamed].map(({ vkey }) => ({ vkey }));
  for (const one of two) assert.equal((await verifyReceipt(again, { ...trust, cosigners: [one] })).steps[2].outcome, "ok");
  for (const given of [two, [{ vkey: "none" }], [{ vkey: trust.vkey }], [{ vkey: ` ${key.vkey}` }]]) {
    const result = await verifyReceipt(again, { ...trust, cosigners: given });
    assert.deepEqual([result.steps[2].reason, result.steps[2].outcome, result.verdict], ["bad-cosigners", "not-checked", "unchecked"]);
  }
});

test("several contracts and endpoints are asked as one", async () => {
  const log = await makeLog();
  const root = toHex(log.root);
  const answers = { has: answersFor(root), empty: answersFor("0"), other: answersFor("1") };
  answers.broken = { ...answers.has, "0x7fb1ad62": word("1") };
  const servers = Object.fromEntries(await Promise.all(Object.entries(answers).map(async ([name, one]) => [name, await serveChain(one)])));
  const cases = [
    [[["has"], ["empty"]], "ok", "anchored"],
    [[["empty"], ["has"]], "ok", "anchored"],
    [[["has"], ["other"]], "failed", "two-roots"],
    [[["broken"], ["has"]], "failed", "broken"],
    [[["has", "gone", "has2"]], "ok", "anchored"],
    [[["has", "gone"]], "not-checked", "unreachable"],
    [[["has", "other", "empty"]], "failed", "two-roots"],
    [[["has", "empty"]], "not-checked", "few-agree"],
    [[["has"], ["gone"]], "not-checked", "unreachable"],
    [[["has"], []], "not-asked", "no-endpoint"],
  ];
  const urls = { ...Object.fromEntries(Object.entries(servers).map(([name, { rpc }]) => [name, rpc])), gone: "http://127.0.0.1:1" };
  urls.has2 = `${urls.has}/`;
  try {
    for (const [chains, outcome, reason] of cases) {
      const trust = { ...log.trust, chains: chains.map((names) => chainOf(...names.map((name) => urls[name]))) };
      const step = (await verifyReceipt(log.receipt, trust)).steps[5];
      assert.deepEqual([step.outcome, step.reason], [outcome, reason], JSON.stringify(chains));
      assert.doesNotMatch(step.en + step.zh, /[{}]/);
    }
  } finally {
    for (const { stop } of Object.values(servers)) await stop();
  }
});

test("the chain's answers are told apart", async () => {
  const log = await makeLog();
  const good = answersFor(toHex(log.root));
  const cases = [
    [{ ...good, "0xeaa38b41": word("1") }, "failed", "other-root"],
    [{ ...good, "0xeaa38b41": word("0") }, "not-checked", "not-anchored"],
    [{ ...good, "0x7fb1ad62": word("1") }, "failed", "broken"],
    [{ ...good, "0xeaa38b41": "0x" }, "not-checked", "no-contract"],
    [{ ...good, eth_chainId: "0x1" }, "not-checked", "other-chain"],
    [{ ...good, eth_chainId: "five" }, "not-checked", "nonsense"],
    [{}, "not-checked", "nonsense"],
    [(_, response) => response.end("<html>"), "not-checked", "nonsense"],
    [(_, response) => response.end("x".repeat(1_000_000)), "not-checked", "nonsense"],
    [(_, response) => response.end('{"error":{"message":"no"}}'), "not-checked", "refused"],
    [(request) => request.socket.destroy(), "not-checked", "unreachable"],
  ];
  for (const [answers, outcome, reason] of cases) {
    const step = (await verifyAgainst(answers, log)).steps[5];
    assert.deepEqual([step.outcome, step.reason], [outcome, reason]);
  }
});

test("whatever is not a receipt is unreadable, and nothing else is claimed", async () => {
  const { receipt, trust } = await makeLog();
  const [head, ...rest] = receipt.split("\n");
  const hostile = [
    "", "\n\n", "hello", `${head}x\n${rest.join("\n")}`, receipt.slice(0, -1), receipt.replace("index 4", "index 04"),
    receipt.replace("index 4", "index 18446744073709551616"), receipt.replace("index 4\n", ""),
    receipt.replace(/extra .*\n/, ""), receipt.replace("\n\n", "\nAAAA\n\n"), receipt.replaceAll("\n", "\r\n"),
    receipt.replace("\u2014", "-"), `\ufeff${receipt}`, receipt.replace("\n7\n", "\n7\n\n"), "\n".repeat(60_000),
    receipt + "x".repeat(65_536), new Uint8Array(65_537), Uint8Array.of(0xff, 0xfe, 10, 10),
    receipt.replace("\n\n", `\n${`${"A".repeat(43)}=\n`.repeat(65)}\n`),
  ];
  for (const file of hostile) {
    const result = await verifyReceipt(file, trust);
    assert.equal(result.verdict, "unreadable");
    assert.deepEqual(outcomes(result), ["failed", ...Array(5).fill("not-checked")]);
  }
});

test("every cut of a receipt ends in a verdict that is not proven", async () => {
  const { receipt, trust } = await makeLog({ count: 2, index: 1 });
  for (let length = 0; length < receipt.length; length += 1) {
    const { verdict } = await verifyReceipt(receipt.slice(0, length), trust);
    const isWithoutCosignatures = verdict === "refuted" && receipt[length - 1] === "\n";
    assert.ok(verdict === "unreadable" || verdict === "partly" || isWithoutCosignatures, `${length}: ${verdict}`);
  }
});

test("base64 is canonical and keys name their own hash", async () => {
  for (const text of ["AA", "AA=", "AB==", "A A=", "AAAA\n", "====", "_-=="]) {
    assert.throws(() => fromBase64(text), Malformed);
  }
  const example = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
  assert.equal((await parseVkey(example)).name, "example.com/foo");
  for (const other of [example.replace("530d903a", "530d903b"), ` ${example}`, `${example}\n`]) {
    await assert.rejects(parseVkey(other), Malformed);
  }
});

test("the published example note verifies under its key", async () => {
  // C2SP signed-note: the example is no checkpoint, so its signature is held against the body alone.
  const key = await parseVkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
  const line = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=";
  const bytes = fromBase64(line);
  const note = (body) => ({ body, signatures: [{ name: key.name, keyId: bytes.slice(0, 4), signature: bytes.slice(4) }] });
  assert.equal((await checkSignature(note("This is an example message.\n"), key)).outcome, "ok");
  assert.equal((await checkSignature(note("This is an example message!\n"), key)).outcome, "failed");
});

test("a checkpoint keeps its extension lines in what is signed", () => {
  const root = toBase64(new Uint8Array(32));
  const checkpoint = parseCheckpoint(`a\n0\n${root}\nmore\n\n\u2014 a ${toBase64(new Uint8Array(68))}\n`);
  assert.equal(checkpoint.body, `a\n0\n${root}\nmore\n`);
  assert.throws(() => parseCheckpoint(`a\n0\n${root}\n\n${"\u2014 a AAAAAAA=\n".repeat(65)}`), Malformed);
});

test("a leaf decodes to its fields", () => {
  const movement = decodeLeaf(leafBytes({ kind: 3, form: 2, flags: 14, first: 5n, last: (1n << 64n) - 2n, parent: 3n }));
  assert.deepEqual([movement.kind, movement.form, movement.parent, movement.at], [3, 2, 3n, 1_479_000_000_123n]);
  assert.equal(movement.last, 18446744073709551614n);
  assert.deepEqual(flagNames(movement.flags), ["SCENARIO", "CONVERTED", "INDIVIDUAL"]);
  assert.equal(decodeLeaf(leafBytes()).parent, null);
  assert.throws(() => decodeLeaf(leafBytes().slice(1)), Malformed);
});

test("every text is there in both languages", () => {
  for (const table of [OUTCOMES, VERDICTS, REASONS]) {
    for (const { zh, en } of Object.values(table)) {
      const blanks = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
      assert.deepEqual(blanks(zh), blanks(en));
      assert.ok(zh.length > 0 && en.length > 0);
    }
  }
});

// The state proof: what grams are at one size of the log, as entries of a Merkle-sum map (docs/design.md, section 9).

import { Malformed, decimal, equal, fromBase64, fromUtf8, sha256, toHex, utf8 } from "./bytes.js";
import { LEAF_BYTES, NO_PARENT, RECORDS_FROM, decodeLeaf, leafHash } from "./leaf.js";
import { MAX_RECEIPT_BYTES, parseReceipt } from "./receipt.js";
import { targetOf } from "./rules.js";

export const FIRST_LINE = "gramledger/state-proof/v1";
export const MAX_ENTRIES = 1000;
export const MAX_NODES = 128;
/** Lines of at most 256 characters, and a receipt. */
export const MAX_STATE_PROOF_BYTES = 256 * (MAX_ENTRIES + MAX_NODES + 4) + MAX_RECEIPT_BYTES;
export const STATE = 72;
const GATHER = 6;
const END = 1n << 64n;

/** Proofs that say something false; `detail` says what. */
export class Untrue extends Error {
  constructor(detail) {
    super(detail);
    this.name = "Untrue";
    this.detail = detail;
  }
}

/** Whether a file, given as bytes or text, claims to be a state proof. */
export function isStateProof(file) {
  const bytes = typeof file === "string" ? utf8(file.slice(0, 64)) : file.subarray(0, 64);
  return equal(bytes.subarray(0, FIRST_LINE.length), utf8(FIRST_LINE));
}

/**
 * Read a state proof, given as bytes or text: `{entries, frontier, root, start, shown, nodes, receipt}`; numbers are
 * BigInt, an entry `{first, last, index, leaf}` with `index` and `leaf` null where nothing was issued, a node `{span,
 * hash}`. Raises `Malformed`.
 */
export function parseStateProof(file) {
  const bytes = typeof file === "string" ? utf8(file) : file;
  if (bytes.length > MAX_STATE_PROOF_BYTES) throw malformed(`more than ${MAX_STATE_PROOF_BYTES} bytes`);
  const text = fromUtf8(bytes);
  const blank = text.indexOf("\n\n");
  if (blank < 0) throw malformed("no receipt");
  const [header, map, from, ...lines] = text.slice(0, blank).split("\n");
  if (header !== FIRST_LINE) throw malformed("first line");
  if (lines.length > MAX_ENTRIES + MAX_NODES) throw malformed("too many lines");
  const [entries, frontier, root] = words(map, "map", 3);
  const [start] = words(from, "from", 1);
  const count = lines.findIndex((line) => !line.startsWith("entry "));
  const shown = lines.slice(0, count < 0 ? lines.length : count).map(readEntry);
  const nodes = lines.slice(shown.length).map(readNode);
  if (shown.length > MAX_ENTRIES || nodes.length > MAX_NODES) throw malformed("too many entries or nodes");
  return {
    entries: decimal(entries, "map"), frontier: decimal(frontier, "map"), root: fromBase64(root, 32),
    start: decimal(start, "from"), shown, nodes, receipt: parseReceipt(text.slice(blank + 2)),
  };
}

/** The evidence of a record of this state: SHA-256 over the RFC 8785 form, with salts that anybody can make. */
export async function stateEvidence({ entries, frontier, root, receipt }) {
  const size = String(receipt.index);
  const values = { record: "state", size, entries: String(entries), frontier_g: String(frontier), root: toHex(root) };
  const digests = [];
  // RFC 8785 sorts members by name; strings of ours hold nothing that JSON escapes.
  for (const name of Object.keys(values).sort()) {
    const salt = (await sha256(utf8(`gramledger/state/v1\n${size}\n${name}`))).slice(0, 16);
    const field = JSON.stringify([base64url(salt), name, values[name]]);
    digests.push(`${JSON.stringify(name)}:"${toHex(await sha256(utf8(field)))}"`);
  }
  return sha256(utf8(`{${digests.join(",")}}`));
}

/** Hold the entries shown against the map's root; raises `Untrue`, or `Malformed` for a leaf that is none. */
export async function checkEntries(proof) {
  if (proof.shown.length === 0) return checkWithoutEntries(proof);
  const end = proof.start + BigInt(proof.shown.length);
  if (end > proof.entries) throw new Untrue("more entries are shown than the map has");
  for (const entry of proof.shown) checkEntry(entry, proof.receipt.index);
  const walk = { ...proof, end, shown: [...proof.shown].reverse(), nodes: [...proof.nodes].reverse(), position: 0n };
  const [, root] = await subtree(walk, 0n, proof.entries);
  if (!equal(root, proof.root) || walk.nodes.length > 0) throw new Untrue("the entries do not make the state's root");
  if (walk.position !== proof.frontier) throw new Untrue("the map spans another number of grams than the record says");
}

/**
 * The state of the grams `[first, last)`, or of all that are shown when none are named: parts `{first, last, index,
 * movement, state, into}`, state "live", "gathered", "ended" or "not-issued", `into` the numbers `[first, last)` under which
 * gathered grams go on, or null, `last` null where it goes on without end. Null when the
 * proof does not show all of them.
 */
export function partsOf(proof, asked = null) {
  const [low, high] = asked ?? [0n, END];
  const parts = [];
  for (const entry of proof.shown) {
    const first = entry.first > low ? entry.first : low;
    const last = entry.last < high ? entry.last : high;
    if (first < last) parts.push(partOf(entry, first, last));
  }
  const nothing = { index: null, movement: null, state: "not-issued", into: null };
  if (asked === null) {
    const reached = proof.shown.at(-1)?.last ?? proof.frontier;
    return reached === proof.frontier ? [...parts, { first: proof.frontier, last: null, ...nothing }] : parts;
  }
  if (high > proof.frontier) parts.push({ first: low > proof.frontier ? low : proof.frontier, last: high, ...nothing });
  const covered = parts.reduce((sum, part) => sum + part.last - part.first, 0n);
  return covered === high - low ? parts : null;
}

function partOf({ index, leaf }, first, last) {
  if (leaf === null) return { first, last, index: null, movement: null, state: "not-issued", into: null };
  const movement = decodeLeaf(leaf);
  if (movement.kind === GATHER) {
    return { first, last, index, movement, state: "gathered", into: goneTo(movement, first, last) };
  }
  return { first, last, index, movement, state: movement.form === 0 ? "ended" : "live", into: null };
}

function goneTo(gather, first, last) {
  const target = targetOf(gather);
  if (target === null) return null;
  const begin = target.first + first - gather.first;
  return [begin, begin + last - first];
}

async function checkWithoutEntries({ entries, frontier, root, start, nodes }) {
  if (start !== 0n || nodes.length > 0) throw new Untrue("a proof that shows no entry has no place and no nodes");
  const isEmpty = equal(root, await sha256());
  if ((entries === 0n) !== (frontier === 0n) || (entries === 0n) !== isEmpty) throw new Untrue("no such empty map");
}

function checkEntry({ first, last, index, leaf }, size) {
  if (leaf === null) return;
  const movement = decodeLeaf(leaf);
  const isWithin = movement.first <= first && first < last && last <= movement.last;
  if (movement.kind >= RECORDS_FROM || !isWithin) throw new Untrue(`leaf ${index} did not move these grams`);
  if (index >= size) throw new Untrue(`leaf ${index} is none of the ${size} that this state is of`);
}

/** Span and hash of the subtree over the entries `[low, high)`, in RFC 9162's shape, from left to right. */
async function subtree(walk, low, high) {
  if (high <= walk.start || walk.end <= low) {
    const node = walk.nodes.pop();
    if (!node) throw new Untrue("a node is missing beside the entries");
    return [step(walk, node.span), node.hash];
  }
  if (high - low === 1n) {
    const entry = walk.shown.pop();
    if (entry.first !== walk.position) throw new Untrue("an entry does not begin where those left of it end");
    return [step(walk, entry.last - entry.first), await entryHash(entry)];
  }
  const middle = low + (1n << BigInt((high - low - 1n).toString(2).length - 1));
  const [leftSpan, left] = await subtree(walk, low, middle);
  const [rightSpan, right] = await subtree(walk, middle, high);
  return [leftSpan + rightSpan, await sha256(Uint8Array.of(1), wide(leftSpan), left, wide(rightSpan), right)];
}

function step(walk, span) {
  walk.position += span;
  if (span <= 0n || walk.position >= END) throw new Untrue("a span is no number of grams");
  return span;
}

async function entryHash({ first, last, index, leaf }) {
  const own = leaf === null ? new Uint8Array(32) : await leafHash(leaf);
  return sha256(Uint8Array.of(0), wide(first), wide(last), wide(index ?? NO_PARENT), own);
}

function readEntry(line) {
  if (line.endsWith(" -")) {
    const [first, last] = words(line, "entry", 3);
    return { first: decimal(first, "entry"), last: decimal(last, "entry"), index: null, leaf: null };
  }
  const [first, last, index, leaf] = words(line, "entry", 4);
  const entry = { first: decimal(first, "entry"), last: decimal(last, "entry"), index: decimal(index, "entry") };
  if (entry.index === NO_PARENT) throw malformed("an index that no leaf has");
  return { ...entry, leaf: fromBase64(leaf, LEAF_BYTES) };
}

function readNode(line) {
  const [span, hash] = words(line, "node", 2);
  return { span: decimal(span, "node"), hash: fromBase64(hash, 32) };
}

function words(line = "", name, count) {
  const [word, ...values] = line.length <= 256 ? line.split(" ") : [];
  if (word !== name || values.length !== count) throw malformed(`no line "${name}" with ${count} values`);
  return values;
}

function wide(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, number);
  return bytes;
}

const malformed = (detail) => new Malformed("state proof", detail);
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

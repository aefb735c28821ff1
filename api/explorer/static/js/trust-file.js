// Reads a trust file, as strictly as the command does: C2SP tlog-policy with the chain in `#chain` lines.
//
// Octets above 0x7f are opaque: inside, each character of a text is one octet of the file.

import { readAddress } from "./address.js";
import { Malformed, fromUtf8 } from "./bytes.js";
import { NONE, readLogKey, readWitnessKey, sameKey } from "./trust-policy.js";

export const MAX_TRUST_BYTES = 256 * 1024;
/** More could never all stand in one note, beside the log's own signature. */
const MAX_WITNESSES = 63;
const MAX_GROUPS = 64;
const MAX_CHAINS = 16;
/** Endpoints of one chain. */
const MAX_RPCS = 8;
const MAX_URL = 2000;
const MAX_CHAIN_ID = (1n << 63n) - 1n;
const FORBIDDEN = /[^\t\n\x20-\x7e\x80-\xff]/;
const URL_FORM = /^https?:\/\/[^/?#@\\]+(?:[/?#][^@\\]*)?$/;
const NUMBER = /^[1-9][0-9]{0,18}$/;

/** A trust file that cannot be taken: `code` is stable, `line` counts from 1, null for the whole file; `what` is quoted. */
export class TrustFault extends Error {
  constructor(code, what = "", line = null) {
    super(line === null ? code : `line ${line}: ${code}`);
    this.name = "TrustFault";
    this.code = code;
    this.what = shown(what).slice(0, 40);
    this.line = line;
  }
}

/**
 * Read a trust file from its bytes: `{log: {vkey, key, url}, policy, chains: [{id (BigInt), contract, rpcs}]}`, `policy`
 * as in trust-policy.js, `chains` in the order of the log's moves, addresses checksummed. Raises `TrustFault`.
 */
export async function readTrust(bytes) {
  const reading = { log: null, quorum: null, witnesses: [], groups: [], chains: [], names: new Set(), members: new Set() };
  for (const [at, line] of linesOf(bytes).entries()) {
    try {
      await take(reading, line.split(/[ \t]+/).filter(Boolean));
    } catch (error) {
      if (!(error instanceof TrustFault)) throw error;
      throw new TrustFault(error.code, error.what, at + 1);
    }
  }
  if (reading.log === null) throw new TrustFault("trust-no-log");
  if (reading.quorum === null) throw new TrustFault("trust-no-quorum");
  const { log, witnesses, groups, quorum, chains } = reading;
  return { log, policy: { witnesses, groups, quorum }, chains };
}

/** Show octets as the text that they are, or nearly so. */
export function shown(octets) {
  return new TextDecoder().decode(toBytes(octets));
}

function linesOf(bytes) {
  if (bytes.length > MAX_TRUST_BYTES) throw new TrustFault("trust-size");
  const octets = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const found = FORBIDDEN.exec(octets);
  if (found) throw new TrustFault("trust-octets", `0x${found[0].charCodeAt(0).toString(16).padStart(2, "0")}`, lineAt(octets, found.index));
  if (octets && !octets.endsWith("\n")) throw new TrustFault("trust-cut", "", lineAt(octets, octets.length));
  return octets.split("\n").slice(0, -1);
}

const lineAt = (octets, index) => octets.slice(0, index).split("\n").length;
const toBytes = (octets) => Uint8Array.from(octets, (octet) => octet.charCodeAt(0));

async function take(reading, [word, ...items]) {
  if (word === undefined) return;
  if (word.toLowerCase().startsWith("#chain")) return takeChain(reading, word, items);
  if (word.startsWith("#")) return;
  if (word === "log") return takeLog(reading, items);
  if (word === "witness") return takeWitness(reading, items);
  if (word === "group") return takeGroup(reading, items);
  if (word === "quorum") return takeQuorum(reading, items);
  throw new TrustFault("trust-unknown-line", word);
}

async function takeLog(reading, items) {
  check(items.length >= 1 && items.length <= 2, "trust-items");
  check(reading.log === null, "trust-two-logs");
  const key = await keyOf(readLogKey, items[0]);
  reading.log = { vkey: fromUtf8(toBytes(items[0])), key, url: urlOf(items[1]) };
}

async function takeWitness(reading, items) {
  check(items.length >= 2 && items.length <= 3, "trust-items");
  const witness = { name: items[0], key: await keyOf(readWitnessKey, items[1]), url: urlOf(items[2]) };
  check(reading.witnesses.length < MAX_WITNESSES, "trust-too-many");
  claim(reading, witness.name);
  const other = sameKey(reading.witnesses, witness.key);
  check(!other, "trust-key-twice", other?.name);
  reading.witnesses.push(witness);
}

function takeGroup(reading, items) {
  check(items.length >= 3, "trust-items");
  const [called, asked, ...members] = items;
  check(reading.groups.length < MAX_GROUPS, "trust-too-many");
  for (const member of members) {
    check(reading.names.has(member), "trust-unknown-member", member);
    check(!reading.members.has(member), "trust-member-twice", member);
    reading.members.add(member);
  }
  const threshold = thresholdOf(asked, members.length);
  claim(reading, called);
  reading.groups.push({ name: called, threshold, members });
}

function takeQuorum(reading, items) {
  check(items.length === 1, "trust-items");
  check(reading.quorum === null, "trust-two-quorums");
  check(items[0] === NONE || reading.names.has(items[0]), "trust-unknown-member", items[0]);
  reading.quorum = items[0];
}

function takeChain(reading, word, [id, contract, ...rpcs]) {
  check(word === "#chain" && contract !== undefined, "trust-chain", word);
  check(reading.chains.length < MAX_CHAINS && rpcs.length <= MAX_RPCS, "trust-too-many");
  const chain = { id: chainId(id), contract: contractOf(contract), rpcs: rpcs.map(urlOf) };
  const last = reading.chains.at(-1);
  check(!last || last.id !== chain.id || last.contract !== chain.contract, "trust-chain-twice", chain.contract);
  reading.chains.push(chain);
}

function check(holds, code, what = "") {
  if (!holds) throw new TrustFault(code, what);
}

function claim(reading, called) {
  check(called !== NONE, "trust-name");
  check(!reading.names.has(called), "trust-name-twice", called);
  reading.names.add(called);
}

/** Read a verifier key, of which the name is UTF-8. */
async function keyOf(read, item) {
  try {
    return await read(fromUtf8(toBytes(item)));
  } catch (error) {
    if (error instanceof Malformed) throw new TrustFault("trust-key", item);
    throw error;
  }
}

function thresholdOf(asked, count) {
  if (asked === "all") return count;
  if (asked === "any") return 1;
  check(NUMBER.test(asked) && BigInt(asked) <= BigInt(count), "trust-threshold", asked);
  return Number(asked);
}

function urlOf(item) {
  if (item === undefined) return null;
  check(item.length <= MAX_URL && URL_FORM.test(item), "trust-url", item);
  return item;
}

function chainId(item) {
  check(NUMBER.test(item) && BigInt(item) <= MAX_CHAIN_ID, "trust-chain", item);
  return BigInt(item);
}

function contractOf(item) {
  try {
    return readAddress(item);
  } catch (error) {
    if (error instanceof Malformed) throw new TrustFault("trust-chain", item);
    throw error;
  }
}

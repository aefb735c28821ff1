// Which cosignatures are enough (C2SP tlog-policy): witnesses, groups of them, and the one that must be met.
//
// A policy is `{witnesses: [{name, key, label?}], groups: [{name, threshold, members}], quorum}`: keys as `parseVkey` gives
// them, each group after its members, `quorum` the name of a witness or a group, or `NONE`.

import { Malformed, equal } from "./bytes.js";
import { COSIGNATURE_V1, ED25519, parseVkey } from "./note.js";

/** The quorum that asks for no cosignature; no witness and no group has this name. */
export const NONE = "none";

/** Whether the quorum has cosigned when the witnesses of these names (a Set) have. */
export function isMet({ groups, quorum }, cosigned) {
  const done = new Set([NONE, ...cosigned]);
  for (const { name, threshold, members } of groups) {
    if (members.filter((member) => done.has(member)).length >= threshold) done.add(name);
  }
  return done.has(quorum);
}

/** What the quorum takes, as "2/3 (a, b, c)". */
export function needs({ witnesses, groups, quorum }) {
  const told = new Map(witnesses.map((witness) => [witness.name, labelOf(witness)]));
  for (const { name, threshold, members } of groups) {
    told.set(name, `${threshold}/${members.length} (${members.map((member) => told.get(member)).join(", ")})`);
  }
  return told.get(quorum) ?? "0";
}

export const labelOf = ({ label, key }) => label || key.name;

/**
 * Ask `threshold` of the cosigners `{vkey, name}`, more than half by default; a key given twice is one. Raises `Malformed`
 * for what is no witness's key, for two names of one key, and for a threshold that cannot be met or asks nobody.
 */
export async function kOf(cosigners, threshold = null) {
  const given = [...new Map(cosigners.map((one) => [one.vkey, one])).values()];
  const witnesses = [];
  for (const { vkey, name } of given) {
    const key = await readKey(vkey, COSIGNATURE_V1);
    if (sameKey(witnesses, key)) throw new Malformed("key-twice");
    witnesses.push({ name: vkey, key, label: name });
  }
  const count = witnesses.length;
  const asked = threshold ?? (count > 0 ? majority(count) : 0);
  if (asked < Math.min(1, count) || asked > count) throw new Malformed("threshold");
  if (count === 0) return { witnesses, groups: [], quorum: NONE };
  return { witnesses, groups: [{ name: "k", threshold: asked, members: witnesses.map(({ name }) => name) }], quorum: "k" };
}

/** How many of `count` are enough when nobody says: more than half, for two histories could each have half. */
const majority = (count) => Math.floor(count / 2) + 1;

/** The witness that has this key, under whatever name; undefined when none has. */
export function sameKey(witnesses, key) {
  return witnesses.find((other) => equal(other.key.publicKey, key.publicKey));
}

export const readLogKey = (vkey) => readKey(vkey, ED25519);
export const readWitnessKey = (vkey) => readKey(vkey, COSIGNATURE_V1);

async function readKey(vkey, type) {
  const key = await parseVkey(vkey);
  if (key.type !== type) throw new Malformed("vkey", `of type ${key.type}`);
  return key;
}

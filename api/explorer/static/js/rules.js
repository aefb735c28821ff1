// Every rule about a gram, of two decoded leaves (docs/design.md, section 2). The order of the checks is part of the
// specification: the contract's RulesLib and anchoring/conviction.py name the same first rule for the same two leaves.

import { LEAF_BYTES, RECORDS_FROM, decodeLeaf } from "./leaf.js";

/** A rule's number, which the contract keeps, is its place here. */
export const RULES = [
  "NONE", "KIND", "RECORD", "RANGE", "PARENT", "WITHIN", "FORM", "FLAGS", "PURPOSE", "TIME", "FROM_TAG", "HOLDER",
  "KEPT_FLAGS", "CONVERTED", "INDIVIDUAL", "LOCKED", "UNTIL", "EXPIRY", "CLASS_I", "REFUND", "OVERLAP", "ISSUE_OVERLAP",
  "ORDER", "LEAF", "GATHERED",
];

const ISSUE = 1, TRANSFER = 2, CONVERT = 3, REDEEM = 4, REFUND = 5, GATHER = 6, EXPIRE = 7, CANCEL = 8, VOID = 9,
  LOCK = 10, UNLOCK = 11, BUNDLE = 12;
const END = 0, REDUCTION = 1, POINTS = 2;
const CLASS_I = 1, SCENARIO = 2, CONVERTED = 4, INDIVIDUAL = 8, LOCKED = 16;
const BUNDLE_FLAGS = CLASS_I | SCENARIO | CONVERTED;
const GRAMS_END = 1n << 63n; // every range of grams ends below it
const NO_TAG = new Uint8Array(20);
const REDUCTIONS = { [REDUCTION]: [REDUCTION] };
const BOTH_END = { [REDUCTION]: [END], [POINTS]: [END] };
const BOTH_STAY = { [REDUCTION]: [REDUCTION], [POINTS]: [POINTS] };

// Kind -> form before -> [form after, the purposes it may have].
const COURSES = {
  [TRANSFER]: course(REDUCTIONS, [1, 2, 3, 4]),
  [CONVERT]: course({ [REDUCTION]: [POINTS] }),
  [REDEEM]: course({ [POINTS]: [POINTS] }),
  [REFUND]: course({ [POINTS]: [POINTS] }),
  [GATHER]: course(BOTH_END),
  [EXPIRE]: course({ [POINTS]: [END] }),
  [CANCEL]: course(BOTH_END, [16, 17, 18, 19, 20, 21], [16, 18]),
  [VOID]: course(BOTH_END, [48]),
  [LOCK]: course(BOTH_STAY, [32, 33, 34], [34]),
  [UNLOCK]: course(BOTH_STAY),
};
const OPENED_BY = { 2: 32, 4: 33 }; // a TRANSFER's purpose -> the purpose of the LOCK that it may take grams out of

function course(forms, purposes = [0], forPoints = purposes) {
  return Object.fromEntries(
    Object.entries(forms).map(([before, [after]]) => [before, { after, purposes: +before === POINTS ? forPoints : purposes }]),
  );
}

/**
 * The name of the first rule that leaf `index` (BigInt, its bytes `accused`) breaks, by itself or against leaf
 * `otherIndex`, or null when the two prove nothing. The indices differ.
 */
export function convictingRule(accused, index, other, otherIndex) {
  if (!isLeaf(accused) || !isLeaf(other)) return "LEAF";
  const child = decodeLeaf(accused), beside = decodeLeaf(other);
  return brokenAlone(child, index)
    ?? (child.parent === otherIndex ? brokenAgainst(child, beside) : null)
    ?? overlap(child, beside)
    ?? brokenByNeighbour(child, index, beside, otherIndex);
}

/**
 * Whether a rule is about the two at all: the other is the parent, or they have one parent, or both number grams, or
 * they are neighbours of one run.
 */
export function belongTogether(child, index, other, otherIndex) {
  if (child.parent === otherIndex || areRivals(child, other)) return true;
  const [before, after] = index < otherIndex ? [child, other] : [other, child];
  return areNeighbours(index, otherIndex) && isInRun(before, after);
}

/** The first rule that a movement breaks whatever its parent is, or null. */
export function brokenAlone(child, index) {
  if (child.kind >= RECORDS_FROM) return isBare(child) ? null : "RECORD";
  if (!isOrigin(child) && !(child.kind in COURSES)) return "KIND";
  if (child.first >= child.last || child.last >= GRAMS_END) return "RANGE";
  const rule = isOrigin(child) ? brokenByOrigin(child) : outOfOrder(child, index);
  return rule ?? (index === 0n && needsOneBefore(child) ? "GATHERED" : null); // nothing stands before leaf 0
}

function outOfOrder(child, index) {
  if (child.kind === GATHER && targetOf(child) === null) return "GATHERED";
  if (child.parent === null) return "PARENT";
  return child.parent >= index ? "ORDER" : null;
}

/** The first rule that a movement, in order by itself, breaks against its parent, or null. */
export function brokenAgainst(child, parent) {
  if (parent.form === END || parent.kind >= RECORDS_FROM) return "PARENT";
  return brokenByShape(child, parent) ?? brokenByHolder(child, parent) ?? brokenByExpiryOrClass(child, parent);
}

/** OVERLAP or ISSUE_OVERLAP when two different leaves take a gram that only one of them may take, or null. */
export function overlap(one, other) {
  if (one.first >= other.last || other.first >= one.last || one.first >= one.last || other.first >= other.last) return null;
  if (!areRivals(one, other)) return null;
  return isOrigin(one) && isOrigin(other) ? "ISSUE_OVERLAP" : "OVERLAP";
}

/** Where a GATHER's grams go: `{ bundle, first }`, the bundle's first number and the gram's; null when it is no target. */
export function targetOf({ first, last, toTag }) {
  const number = (from) => toTag.subarray(from, from + 8).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const target = { bundle: number(4), first: number(12) };
  const isTarget = toTag.subarray(0, 4).every((byte) => byte === 0) && target.bundle <= target.first;
  const isRange = first < last && last < GRAMS_END;
  return isTarget && isRange && target.first + (last - first) < GRAMS_END ? target : null;
}

function brokenByNeighbour(one, index, other, otherIndex) {
  const [before, after] = index < otherIndex ? [one, other] : [other, one];
  return areNeighbours(index, otherIndex) && isInRun(before, after) && !goesOn(before, after) ? "GATHERED" : null;
}

/** Whether two neighbours have to be of one run: one or more GATHERs, and then their BUNDLE. */
function isInRun(before, after) {
  return before.kind === GATHER || needsOneBefore(after);
}

/** Whether a GATHER has to stand right before: this is a BUNDLE, or a GATHER that does not begin its run. */
function needsOneBefore(movement) {
  if (movement.kind !== GATHER) return movement.kind === BUNDLE;
  const target = targetOf(movement);
  return target !== null && target.first !== target.bundle;
}

/** Whether the second takes up a run where the first, a GATHER, leaves it. */
function goesOn(before, after) {
  const target = before.kind === GATHER ? targetOf(before) : null;
  if (target === null || after.at !== before.at || (after.flags ^ before.flags) & BUNDLE_FLAGS) return false;
  const end = target.first + (before.last - before.first);
  if (after.kind === BUNDLE) return after.first === target.bundle && after.last === end;
  const next = after.kind === GATHER ? targetOf(after) : null;
  return next !== null && next.bundle === target.bundle && next.first === end;
}

function areNeighbours(index, otherIndex) {
  return index - otherIndex === 1n || otherIndex - index === 1n;
}

function isOrigin({ kind }) {
  return kind === ISSUE || kind === BUNDLE;
}

function isLeaf(bytes) {
  return bytes.length === LEAF_BYTES && bytes[0] === 1;
}

function areRivals(one, other) {
  if (one.kind >= RECORDS_FROM || other.kind >= RECORDS_FROM) return false;
  return (isOrigin(one) && isOrigin(other)) || (one.parent !== null && one.parent === other.parent);
}

function isBare({ form, flags, purpose, first, last, until, parent, fromTag, toTag }) {
  const isEmpty = form === 0 && flags === 0 && purpose === 0 && first === 0n && last === 0n && until === 0n;
  return isEmpty && parent === null && same(fromTag, NO_TAG) && same(toTag, NO_TAG);
}

function brokenByOrigin(child) {
  if (child.parent !== null) return "PARENT";
  if (child.form !== REDUCTION) return "FORM";
  if (child.flags & ~(child.kind === BUNDLE ? BUNDLE_FLAGS : CLASS_I | SCENARIO | INDIVIDUAL)) return "FLAGS";
  if (child.purpose !== 0) return "PURPOSE";
  if (!same(child.fromTag, NO_TAG)) return "FROM_TAG";
  if (same(child.toTag, NO_TAG)) return "HOLDER";
  return child.until === 0n ? null : "UNTIL";
}

function brokenByShape(child, parent) {
  const course = COURSES[child.kind][parent.form];
  if (child.first < parent.first || child.last > parent.last) return "WITHIN";
  if (course?.after !== child.form) return "FORM";
  if (child.flags & ~(CLASS_I | SCENARIO | CONVERTED | INDIVIDUAL | LOCKED)) return "FLAGS";
  if (!course.purposes.includes(child.purpose)) return "PURPOSE";
  return child.at < parent.at ? "TIME" : null;
}

function brokenByHolder(child, parent) {
  if (!same(child.fromTag, parent.toTag)) return "FROM_TAG";
  if (child.form !== END && same(child.toTag, NO_TAG)) return "HOLDER";
  if (!holderAsSaid(child, parent)) return child.kind === REFUND ? "REFUND" : "HOLDER";
  if ((child.flags ^ parent.flags) & (CLASS_I | SCENARIO)) return "KEPT_FLAGS";
  if (!convertedAsSaid(child, parent)) return "CONVERTED";
  if (!individualAsSaid(child, parent)) return "INDIVIDUAL";
  return lockAsSaid(child, parent) ? null : "LOCKED";
}

function brokenByExpiryOrClass(child, parent) {
  if (!untilAsSaid(child, parent)) return "UNTIL";
  if (!inTime(child, parent)) return "EXPIRY";
  return child.purpose === 20 && !has(parent, CLASS_I) ? "CLASS_I" : null;
}

function holderAsSaid(child, parent) {
  switch (child.kind) {
    case TRANSFER: case REDEEM: return !same(child.toTag, child.fromTag);
    case REFUND: return parent.kind === REDEEM && same(child.toTag, parent.fromTag);
    case EXPIRE: case CANCEL: case VOID: return same(child.toTag, NO_TAG);
    case GATHER: return true; // a target, not a tag
    default: return same(child.toTag, child.fromTag);
  }
}

function convertedAsSaid(child, parent) {
  const was = has(parent, CONVERTED), isNow = has(child, CONVERTED);
  return child.kind === CONVERT ? has(parent, SCENARIO) && !was && isNow : was === isNow;
}

function individualAsSaid(child, parent) {
  const was = has(parent, INDIVIDUAL), isNow = has(child, INDIVIDUAL);
  switch (child.kind) {
    case TRANSFER: return true;
    case CONVERT: return was && isNow;
    case REDEEM: case EXPIRE: return was && !isNow;
    case REFUND: return isNow;
    case GATHER: return !was && !isNow;
    case CANCEL: return !isNow && !(was && child.purpose === 21);
    case VOID: return !isNow;
    default: return was === isNow;
  }
}

function lockAsSaid(child, parent) {
  const was = has(parent, LOCKED), isNow = has(child, LOCKED);
  if (isNow !== (child.kind === LOCK)) return false;
  if (child.kind === UNLOCK) return was;
  if (!was || child.kind === VOID) return true;
  return child.kind === TRANSFER && parent.kind === LOCK && parent.purpose === OPENED_BY[child.purpose];
}

function untilAsSaid(child, parent) {
  if (child.kind === CONVERT) return child.until > child.at;
  return child.until === (child.form === POINTS ? parent.until : 0n);
}

function inTime(child, parent) {
  if (child.kind === REDEEM) return child.at <= parent.until;
  if (child.kind === EXPIRE) return child.at > parent.until;
  const isPersonsPoints = child.kind === CANCEL && parent.form === POINTS && has(parent, INDIVIDUAL);
  return !isPersonsPoints || child.at <= parent.until;
}

function has(movement, flag) {
  return (movement.flags & flag) !== 0;
}

function same(one, other) {
  return one.every((byte, at) => byte === other[at]);
}

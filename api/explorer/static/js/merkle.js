// Inclusion in an RFC 9162 Merkle tree with SHA-256.

import { equal, sha256 } from "./bytes.js";

/** A path is never longer than the height of a tree of 2^64 leaves; so hostile input ends the walk early. */
export const MAX_PATH = 64;

/** RFC 9162 section 2.1.1: SHA-256(0x01 || left || right). */
export function nodeHash(left, right) {
  return sha256(Uint8Array.of(1), left, right);
}

/**
 * Walk from a leaf hash to the root (RFC 9162, section 2.1.3.2), `index` and `size` BigInt.
 * Resolves to `{root, rungs}`, each rung `{side, sibling, hash}` with the side on which the sibling stands, or to null
 * when a path of this length cannot belong to that index and size.
 */
export async function climb(index, size, leaf, path) {
  if (index < 0n || index >= size || path.length > MAX_PATH) return null;
  let [fn, sn, hash] = [index, size - 1n, leaf];
  const rungs = [];
  for (const sibling of path) {
    if (sn === 0n || sibling.length !== 32) return null;
    const onLeft = (fn & 1n) === 1n || fn === sn;
    hash = onLeft ? await nodeHash(sibling, hash) : await nodeHash(hash, sibling);
    rungs.push({ side: onLeft ? "left" : "right", sibling, hash });
    // At the right edge the levels without a sibling are passed over.
    while (onLeft && (fn & 1n) === 0n && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n ? { root: hash, rungs } : null;
}

/** Whether `path` proves the leaf at `index` to be in the tree of `size` leaves with `root`; hostile input: false. */
export async function verifyInclusion(index, size, leaf, path, root) {
  if (leaf.length !== 32 || root.length !== 32) return false;
  const climbed = await climb(index, size, leaf, path);
  return climbed !== null && equal(climbed.root, root);
}

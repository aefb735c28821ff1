"""Evidence: one self-contained JSON file that convicts whoever signed what is in it, for anybody with the log's key.

| kind | what it proves, and holds |
|---|---|
| `split-view` | the log showed two histories: two checkpoints that it signed |
| `rule` | the log has an unlawful leaf: a checkpoint, two of its leaves, their inclusion proofs |
| `anchor` | the log is not what was anchored: a checkpoint, and what a contract holds |
| `replay` | that a leaf is in the log; that it is false takes all before it: a checkpoint, the leaf, its proof |
| `figures` | nothing by itself: what a contract holds and what the leaves add up to, to be recounted |

For two sizes there is the `prefix` beside them: the root that the larger tree has for the smaller size, with the
consistency proof that it has it. A tree has one root for its first leaves, so another one is another history.

Pure. What is read is a stranger's.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from anchoring import note
from anchoring.checkpoint import Checkpoint, open_checkpoint
from anchoring.conviction import Entry, convicting_rule
from anchoring.errors import Malformed, Refuted, Unreachable
from anchoring.leaf import LEAF_SIZE
from anchoring.merkle import HASH_SIZE, MAX_PROOF, MAX_SIZE, leaf_hash, verify_consistency, verify_inclusion
from anchoring.tree.tiles import TileReader, consistency_proof, root_at
from registry.ledger.rules import SENTENCES

FORMAT: Final = "gramledger/evidence/v1"
MAX_EVIDENCE: Final = 3 * note.MAX_NOTE
"""Bytes: two notes, escaped, and two proofs."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """The root that a tree has for its first leaves, and the consistency proof that it has it."""

    root: bytes
    proof: Sequence[bytes]

    def to_json(self) -> dict[str, Any]:
        """Give hashes in hex."""
        return {"root": self.root.hex(), "proof": [node.hex() for node in self.proof]}


def prefix_of(reader: TileReader, size: int, tree: Checkpoint) -> Prefix:
    """Make the prefix of `size` leaves, above 0, from the tiles of a signed tree that is no smaller.

    Raises Refuted when the tiles do not make the signed tree, otherwise what `TileReader` raises.
    """
    prefix = Prefix(root_at(reader, size, within=tree.size), consistency_proof(reader, size, tree.size))
    if not _leads(prefix, size, tree):
        raise Refuted(f"the tiles do not make the tree of {tree.size} leaves that was signed")
    return prefix


def split_view(smaller: bytes, larger: bytes, prefix: Prefix | None) -> dict[str, Any]:
    """Write down two signed checkpoints; `prefix` is that of the larger tree, None for two of one size."""
    said = {"checkpoints": [smaller.decode(), larger.decode()]}
    return _evidence("split-view", said | {"prefix": None if prefix is None else prefix.to_json()})


def broken_rule(signed: bytes, accused: Entry, other: Entry) -> dict[str, Any]:
    """Write down two leaves of a signed tree."""
    rule = convicting_rule(accused, other)
    said = {"rule": None if rule is None else rule.name, "sentence": None if rule is None else SENTENCES[rule]}
    return _evidence(
        "rule", said | {"checkpoint": signed.decode(), "accused": entry_json(accused), "other": entry_json(other)}
    )


def replayed(signed: bytes, accused: Entry) -> dict[str, Any]:
    """Write down a leaf of a signed tree that is false by all leaves before it, and not by any one of them."""
    return _evidence("replay", {"checkpoint": signed.decode(), "accused": entry_json(accused)})


def against_anchor(kind: str, signed: bytes, anchor: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Write down, as kind `anchor` or `figures`, what a contract holds and what the log makes of it."""
    return _evidence(kind, {"checkpoint": signed.decode(), "anchor": anchor, **said})


def entry_json(entry: Entry) -> dict[str, Any]:
    """Give a leaf with its index and proof, bytes in hex."""
    return {"leaf": entry.leaf.hex(), "index": entry.index, "path": [node.hex() for node in entry.path]}


def read_entry(said: Any) -> Entry:
    """Read what `entry_json` wrote; Malformed when it is none."""
    if not isinstance(said, dict):
        raise Malformed("a leaf with its proof is an object of leaf, index and path")
    return Entry(_hex(said.get("leaf"), MAX_LEAF), _number(said.get("index")), _path(said.get("path")))


MAX_LEAF: Final = 8 * LEAF_SIZE
"""Bytes of a leaf that is none of ours, and may be accused of that."""


def parse_json(data: bytes, what: str) -> dict[str, Any]:
    """Read a bounded JSON object; Malformed when it is none."""
    if len(data) > MAX_EVIDENCE:
        raise Malformed(f"{what} of more than {MAX_EVIDENCE} bytes is not read")
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        raise Malformed(f"{what} is a JSON object") from None
    if not isinstance(said, dict):
        raise Malformed(f"{what} is a JSON object")
    return said


def verify_evidence(data: bytes, vkey: str) -> str:
    """Check evidence under the log's `vkey`, from nothing else; give one sentence that says what it proves.

    Raises Malformed when it is none, Refuted when it proves nothing against this log, Unreachable when it takes more
    than the file to check.
    """
    note.parse_vkey(vkey)
    said = parse_json(data, "evidence")
    if said.get("format") != FORMAT:
        raise Malformed(f"evidence says that its format is {FORMAT}")
    kind = said.get("kind")
    try:
        check = _CHECKS[kind if isinstance(kind, str) else ""]
    except KeyError:
        raise Malformed(f"evidence is one of {', '.join(_CHECKS)}") from None
    return check(said, vkey)


def _check_split(said: dict[str, Any], vkey: str) -> str:
    notes = said.get("checkpoints")
    if not isinstance(notes, list) or len(notes) != 2:
        raise Malformed("a split view is two checkpoints")
    smaller, larger = sorted((_signed(one, vkey) for one in notes), key=lambda one: one.size)
    if smaller.size == larger.size:
        if smaller.root == larger.root:
            raise Refuted("the two checkpoints are of one tree")
        return (
            f"Proven: the log signed two trees of {smaller.size} leaves, {smaller.root.hex()} and {larger.root.hex()}."
        )
    prefix = _prefix(said.get("prefix"))
    _check_prefix(prefix, smaller.size, smaller.root, larger)
    return (
        f"Proven: the log signed a tree of {smaller.size} leaves, {smaller.root.hex()}, and one of {larger.size} whose "
        f"first {smaller.size} leaves make {prefix.root.hex()}."
    )


def _check_rule(said: dict[str, Any], vkey: str) -> str:
    tree = _signed(said.get("checkpoint"), vkey)
    accused, other = read_entry(said.get("accused")), read_entry(said.get("other"))
    if accused.index == other.index:
        raise Refuted("it shows one leaf twice")
    for entry in (accused, other):
        _check_inclusion(entry, tree)
    rule = convicting_rule(accused, other)
    if rule is None:
        raise Refuted(f"leaf {accused.index} breaks no rule, by itself or against leaf {other.index}")
    return (
        f"Proven: leaf {accused.index} of the log breaks {rule.name}: {SENTENCES[rule]} (against leaf {other.index})."
    )


def _check_anchor(said: dict[str, Any], vkey: str) -> str:
    tree = _signed(said.get("checkpoint"), vkey)
    anchor = said.get("anchor")
    if not isinstance(anchor, dict):
        raise Malformed("what a contract holds is an object")
    size, root = _number(anchor.get("size")), _hex(anchor.get("root"), HASH_SIZE)
    if size == tree.size:
        if root == tree.root:
            raise Refuted("the log and the contract hold one tree")
        ours = tree.root
    else:
        prefix = _prefix(said.get("prefix"))
        _check_prefix(prefix, size, root, tree)
        ours = prefix.root
    where = f"contract {anchor.get('contract')!a} on chain {anchor.get('chain_id')!a}"[:200]
    return (
        f"Proven: the log has {ours.hex()} for its first {size} leaves. It is said that {where} holds {root.hex()}: "
        "ask it for rootAt of that size."
    )


def _check_figures(said: dict[str, Any], vkey: str) -> str:
    _signed(said.get("checkpoint"), vkey)
    raise Unreachable("Figures are recounted from all leaves: `gram audit` with the contract does it.")


def _check_replay(said: dict[str, Any], vkey: str) -> str:
    tree, accused = _signed(said.get("checkpoint"), vkey), read_entry(said.get("accused"))
    _check_inclusion(accused, tree)
    raise Unreachable(
        f"Leaf {accused.index} is in the log; that it is false takes all before it, which `gram audit` reads."
    )


_CHECKS: Final = {
    "split-view": _check_split,
    "rule": _check_rule,
    "anchor": _check_anchor,
    "replay": _check_replay,
    "figures": _check_figures,
}


def _check_inclusion(entry: Entry, tree: Checkpoint) -> None:
    if not verify_inclusion(entry.index, tree.size, leaf_hash(entry.leaf), list(entry.path), tree.root):
        raise Refuted(f"leaf {entry.index} is not shown to be in the tree of {tree.size} leaves")


def _check_prefix(prefix: Prefix, size: int, root: bytes, larger: Checkpoint) -> None:
    if prefix.root == root:
        raise Refuted("the larger tree continues the smaller one")
    if not _leads(prefix, size, larger):
        raise Refuted(f"the proof does not lead from {size} to {larger.size} leaves")


def _leads(prefix: Prefix, size: int, tree: Checkpoint) -> bool:
    return size > 0 and verify_consistency(size, tree.size, prefix.root, tree.root, list(prefix.proof))


def _evidence(kind: str, said: dict[str, Any]) -> dict[str, Any]:
    return {"format": FORMAT, "kind": kind, **said}


def _signed(said: Any, vkey: str) -> Checkpoint:
    if not isinstance(said, str):
        raise Malformed("a checkpoint is a signed note")
    try:
        return open_checkpoint(said.encode(), vkey).checkpoint
    except UnicodeEncodeError:
        raise Malformed("a checkpoint is UTF-8") from None


def _prefix(said: Any) -> Prefix:
    if not isinstance(said, dict):
        raise Malformed("two sizes need the root that the larger tree has for the smaller, and its proof")
    return Prefix(_hex(said.get("root"), HASH_SIZE), _path(said.get("proof")))


def _path(said: Any) -> tuple[bytes, ...]:
    if not isinstance(said, list) or len(said) > MAX_PROOF:
        raise Malformed(f"a proof is a list of at most {MAX_PROOF} hashes")
    return tuple(_hex(node, HASH_SIZE) for node in said)


def _hex(said: Any, at_most: int) -> bytes:
    if not isinstance(said, str) or len(said) > 2 * at_most:
        raise Malformed(f"bytes are at most {2 * at_most} hex digits")
    try:
        return bytes.fromhex(said)
    except ValueError:
        raise Malformed("bytes are hex digits") from None


def _number(said: Any) -> int:
    if type(said) is not int or not 0 <= said <= MAX_SIZE:
        raise Malformed("a size or index is an integer of 64 bits")
    return said

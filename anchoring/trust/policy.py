"""Which cosignatures are enough (C2SP tlog-policy): witnesses, groups of them, and the one that must be met. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from anchoring import note
from anchoring.checkpoint import open_cosignatures
from anchoring.errors import Malformed
from anchoring.note import Note, Verified, Verifier

NONE: Final = "none"
"""The quorum that asks for no cosignature; no witness and no group has this name."""
MAX_WITNESSES: Final = note.MAX_SIGNATURES - 1
"""More could never all stand in one note, beside the log's own signature."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness under a name that means something in its policy only; `url` is its submission prefix."""

    name: str
    verifier: Verifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Has cosigned when `threshold` of its members have: witnesses, or groups that stand before it."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Known witnesses, groups in an order in which each follows its members, and the `quorum`'s name."""

    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NONE

    @property
    def is_asked(self) -> bool:
        """Whether any cosignature is asked for at all."""
        return self.quorum != NONE

    @property
    def vkeys(self) -> tuple[str, ...]:
        """The verifier keys of all witnesses."""
        return tuple(witness.verifier.vkey for witness in self.witnesses)

    def is_met(self, cosigned: Collection[Verifier]) -> bool:
        """Whether the quorum has cosigned when these keys have."""
        done = {NONE} | {witness.name for witness in self.witnesses if witness.verifier in cosigned}
        for group in self.groups:
            if sum(member in done for member in group.members) >= group.threshold:
                done.add(group.name)
        return self.quorum in done

    def needs(self) -> str:
        """Say what the quorum takes, as "2 of (a, b, c)"; witnesses by the names in their keys."""
        said = {witness.name: witness.verifier.name for witness in self.witnesses} | {NONE: "nobody"}
        for group in self.groups:
            said[group.name] = f"{group.threshold} of ({', '.join(said[member] for member in group.members)})"
        return said[self.quorum]


ASKS_NOBODY: Final = Policy()
"""Knows no witness and needs none."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a note's cosignatures come to: those of known witnesses, all of which hold, and whether they suffice."""

    cosignatures: tuple[Verified, ...]
    policy: Policy = field(repr=False)

    @property
    def is_met(self) -> bool:
        """Whether the quorum has cosigned."""
        return self.policy.is_met([one.verifier for one in self.cosignatures])

    @property
    def sentence(self) -> str:
        """Who has cosigned, and what is needed."""
        names = ", ".join(one.verifier.name for one in self.cosignatures) or "none"
        count, known = len(self.cosignatures), len(self.policy.witnesses)
        return f"{count} of the {known} witnesses known have cosigned ({names}); needed: {self.policy.needs()}"


def judge(signed: Note, policy: Policy) -> Judged:
    """Check the cosignatures of all witnesses that the policy knows; Refuted when one of them does not hold."""
    return Judged(open_cosignatures(signed, policy.vkeys), policy)


def majority(count: int) -> int:
    """How many of `count` witnesses are enough when nobody says: more than half, and none of none.

    Two histories could each have half.
    """
    return count // 2 + 1 if count else 0


def k_of(vkeys: Iterable[str], threshold: int | None = None, name: str = "witnesses") -> Policy:
    """Ask `threshold` of the witnesses with these verifier keys, more than half by default; a key given twice is one.

    The group is called `name`, or nearly so. Raises Malformed for what is no witness's key, for two names of one key,
    and for a threshold that can never be met or asks nobody.
    """
    verifiers = tuple(dict.fromkeys(map(witness_key, vkeys)))
    if len({verifier.public_key for verifier in verifiers}) < len(verifiers):
        raise Malformed("Two of the witnesses' keys are one key under two names, and would count twice.")
    threshold = majority(len(verifiers)) if threshold is None else threshold
    if not min(1, len(verifiers)) <= threshold <= len(verifiers):
        raise Malformed(f"{threshold} of {len(verifiers)} witnesses is no quorum: give 1 to {len(verifiers)}.")
    if not verifiers:
        return ASKS_NOBODY
    names = [verifier.name for verifier in verifiers]
    taken = {NONE, *(one for one in names if names.count(one) > 1)}
    # A verifier key has a plus, which no key's name has: it is nobody else's name.
    witnesses = tuple(Witness(one.vkey if one.name in taken else one.name, one) for one in verifiers)
    while name in {witness.name for witness in witnesses}:
        name += "+"
    return Policy(witnesses, (Group(name, threshold, tuple(one.name for one in witnesses)),), name)


def witness_key(vkey: str) -> Verifier:
    """Read a witness's verifier key, of type cosignature. Raises Malformed."""
    return _key(vkey, note.COSIGNATURE, "a witness's verifier key is of type cosignature (0x04)")


def log_key(vkey: str) -> Verifier:
    """Read a log's verifier key, of type Ed25519. Raises Malformed."""
    return _key(vkey, note.ED25519, "a log's verifier key is of type Ed25519 (0x01)")


def _key(vkey: str, key_type: int, sentence: str) -> Verifier:
    verifier = note.parse_vkey(vkey)
    if verifier.key_type != key_type:
        raise Malformed(f"{sentence}, and the key of {verifier.name} is of type {verifier.key_type:#04x}")
    return verifier

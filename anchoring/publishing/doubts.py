"""Why a movement does not get an index: what is not as the program wrote it, or does not stand by itself."""

from enum import IntEnum
from typing import Final

from registry.ledger.rules import SENTENCES, Rule
from registry.procedure import rule as procedure


class Doubt(IntEnum):
    """A reason that is no rule; those of grams have their own numbers, below these, those of decisions above."""

    UNSEALED = 100
    PARENT = 101
    STATE = 102
    GONE = 103
    INDEXED = 104
    TAG = 105
    EVIDENCE = 106
    LOGGED = 107
    DOCUMENT = 108
    LATE = 109


_SENTENCES: Final = {
    Doubt.UNSEALED: "no seal of this program covers it as it is: it was written or altered by somebody else, or a "
    "movement of the same act is gone",
    Doubt.PARENT: "its parent is neither in the log nor in the queue before it, or is not what was logged",
    Doubt.STATE: "a record of the state has its index from the beginning, or never gets one",
    Doubt.GONE: "it waits for the log, and there is no such movement",
    Doubt.INDEXED: "another movement's leaf is said to be its own",
    Doubt.TAG: "the key of its holder does not make its tag",
    Doubt.EVIDENCE: "its evidence is gone, or does not have the digest",
    Doubt.DOCUMENT: "what the log is to publish of the record is gone, or its evidence does not bind it",
    Doubt.LATE: "it is of more than an hour before others in the log: no witness would cosign it, nor anything "
    "after it",
    Doubt.LOGGED: "it is in the published log already, and the database's leaf of it is gone or another's",
}
_DECIDED: Final = tuple(procedure.Rule)
_FIRST_DECIDED: Final = 128
_RULE: Final = "rule-"
_DECISION: Final = "decision-"


def code_of(rule: procedure.Rule) -> int:
    """Give the number of a rule about decisions."""
    return _FIRST_DECIDED + _DECIDED.index(rule)


def reason_of(code: int) -> str:
    """Write a `Doubt` or a rule as it is kept: `unsealed`, `rule-expiry`, `decision-lot`."""
    if code >= _FIRST_DECIDED:
        return _written(_DECISION, _DECIDED[code - _FIRST_DECIDED].name)
    rule = next((rule for rule in Rule if rule == code), None)
    return Doubt(code).name.lower() if rule is None else _written(_RULE, rule.name)


def _written(prefix: str, name: str) -> str:
    return prefix + name.lower().replace("_", "-")


def sentence_of(reason: str) -> str:
    """Say for people what a kept reason means."""
    said = {_written(_RULE, rule.name): SENTENCES[rule] for rule in Rule}
    said |= {_written(_DECISION, rule.name): procedure.SENTENCES[rule] for rule in _DECIDED}
    said |= {doubt.name.lower(): sentence for doubt, sentence in _SENTENCES.items()}
    return said.get(reason, reason)

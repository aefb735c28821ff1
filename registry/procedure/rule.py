"""The rules about decisions: names, order, and what a fault against one says (docs/design.md, section 11)."""

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """What a leaf breaks; names are stable, and the order is that of checking."""

    DOCUMENT = "DOCUMENT"
    PREVIOUS = "PREVIOUS"
    STATE_OF_CASE = "STATE_OF_CASE"
    ACTOR = "ACTOR"
    SECOND = "SECOND"
    WAIT = "WAIT"
    NEEDS = "NEEDS"
    POLICY = "POLICY"
    LOT = "LOT"
    VOIDED = "VOIDED"
    CLOCK = "CLOCK"


SENTENCES = {
    Rule.DOCUMENT: "a record has one document, which says what its evidence binds, in the fields of its kind",
    Rule.PREVIOUS: "a case's decisions are one chain, in the order of the log and of time, as a methodology's versions",
    Rule.STATE_OF_CASE: "a decision begins at the state of its case, and the life cycle in force has the step",
    Rule.ACTOR: "a decision is taken by an authority that the life cycle names",
    Rule.SECOND: "a second officer approves where the life cycle says so: not who decides, nor who decided before",
    Rule.WAIT: "publicity and waiting times are over before what they are for is decided, and deadlines are not",
    Rule.NEEDS: "what a decision rests on stands as it must, at this place in the log",
    Rule.POLICY: "a policy can be read, each one used is the one in force, and a behaviour issues where one lets it",
    Rule.LOT: "grams are issued within an issuance, tile it, and bear its marks",
    Rule.VOIDED: "grams are voided as a correction says, and no more",
    Rule.CLOCK: "a leaf is of the time at which it comes",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A leaf, the first rule that it breaks, and how."""

    leaf: int
    rule: Rule
    detail: str

    @property
    def sentence(self) -> str:
        """Say what holds, and what does not."""
        return f"{SENTENCES[self.rule]}: {self.detail}"


class Unfinished(StrEnum):
    """What is lawful so far and not complete, or for a person to judge; names are stable."""

    LOT_OPEN = "LOT_OPEN"
    CORRECTION_OPEN = "CORRECTION_OPEN"
    BEFORE_ANCHOR = "BEFORE_ANCHOR"


@dataclass(frozen=True, slots=True)
class Finding:
    """No fault: a decision, by its leaf, of which something is still to come, or to be asked."""

    leaf: int
    name: Unfinished
    sentence: str


class Broken(ValueError):
    """A leaf breaks a rule; caught where the leaf is known."""

    def __init__(self, rule: Rule, detail: str) -> None:
        """Name the rule, and say in a clause what is wrong."""
        super().__init__(detail)
        self.rule, self.detail = rule, detail

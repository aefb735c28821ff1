"""For each rule, a change to one leaf of a lawful synthetic log that breaks it; it gives the leaf's index."""

from anchoring.leaf import NO_PARENT
from registry.ledger.rules import Rule
from tests.support.synthetic_log import BEGIN_MS, LIFE, VALID_MS, six_bytes

COHORT = 10
ISSUE, REFUND, CANCEL, DONATE, VOID, LOCK, RECORD = 0, 3, 8, 12, 17, 18, 20
"""Steps of a life."""


def leaf_of(step: int, life: int = 3) -> int:
    return step * COHORT + life


def change(step: int, **fields):
    def apply(leaves):
        for name, value in fields.items():
            leaves[name][leaf_of(step)] = value
        return leaf_of(step)

    return apply


def flip_flags(step: int, flag: int):
    def apply(leaves):
        leaves["flags"][leaf_of(step)] ^= flag
        return leaf_of(step)

    return apply


def beyond_its_parent(leaves):
    leaves["last"][leaf_of(VOID)] = leaves["last"][leaf_of(ISSUE)] + 1
    return leaf_of(VOID)


def empty(leaves):
    leaves["last"][leaf_of(VOID)] = leaves["first"][leaf_of(VOID)]
    return leaf_of(VOID)


def of_a_life_without_class_i(leaves):
    leaves["flags"][3::COHORT] &= 0xFE
    return leaf_of(CANCEL)


def what_its_sibling_took(leaves):
    leaves["first"][leaf_of(LOCK)] -= 1
    return leaf_of(LOCK)


def what_was_issued_before(leaves):
    leaves["first"][leaf_of(ISSUE)] -= 1
    return leaf_of(ISSUE)


UNLAWFUL = [
    (Rule.KIND, change(VOID, kind=12)),
    (Rule.KIND, change(VOID, kind=0)),
    (Rule.RECORD, change(RECORD, purpose=1)),
    (Rule.RECORD, change(RECORD, parent=0)),
    (Rule.RANGE, empty),
    (Rule.PARENT, change(VOID, parent=NO_PARENT)),
    (Rule.PARENT, change(VOID, parent=leaf_of(CANCEL))),
    (Rule.PARENT, change(LIFE - 1, parent=leaf_of(RECORD))),
    (Rule.PARENT, change(ISSUE, parent=0)),
    (Rule.WITHIN, beyond_its_parent),
    (Rule.WITHIN, change(VOID, parent=leaf_of(ISSUE, life=4))),
    (Rule.FORM, change(VOID, form=2)),
    (Rule.FLAGS, flip_flags(VOID, 64)),
    (Rule.PURPOSE, change(VOID, purpose=16)),
    (Rule.TIME, change(VOID, at=six_bytes(BEGIN_MS - 1))),
    (Rule.FROM_TAG, change(VOID, from_tag=[1] * 20)),
    (Rule.HOLDER, change(VOID, to_tag=[*bytes(19), 1])),
    (Rule.KEPT_FLAGS, flip_flags(VOID, 1)),
    (Rule.CONVERTED, flip_flags(VOID, 4)),
    (Rule.INDIVIDUAL, flip_flags(VOID, 8)),
    (Rule.LOCKED, flip_flags(VOID, 16)),
    (Rule.UNTIL, change(VOID, until=six_bytes(1))),
    (Rule.EXPIRY, change(DONATE, at=six_bytes(BEGIN_MS + VALID_MS + 1))),
    (Rule.CLASS_I, of_a_life_without_class_i),
    (Rule.REFUND, change(REFUND, to_tag=[1] * 20)),
    (Rule.OVERLAP, what_its_sibling_took),
    (Rule.ISSUE_OVERLAP, what_was_issued_before),
    (Rule.ORDER, change(VOID, parent=leaf_of(VOID))),
    (Rule.ORDER, change(VOID, parent=leaf_of(VOID) + 1)),
    (Rule.ORDER, change(VOID, parent=10**6)),
    (Rule.ORDER, change(VOID, parent=2**64 - 2)),
]
UNLAWFUL_IDS = [f"{number} {rule.name}" for number, (rule, _) in enumerate(UNLAWFUL)]

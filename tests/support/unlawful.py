"""For each rule, a change to one leaf of a lawful synthetic log that breaks it; it gives the leaf's index."""

from anchoring.leaf import NO_PARENT
from api.bench.synthetic_log import RUN
from registry.ledger.movement import GRAMS_END, Target
from registry.ledger.rules import Rule
from tests.support.synthetic_log import BEGIN_MS, FIRST_LIFE, LIFE, UNTIL_MS, six_bytes

COHORT = 10
GATHER, BUNDLE, GIVE = 4, 6, 17
ISSUE, REFUND, CANCEL, DONATE, VOID, RECORD, LOCK = 0, 3, 10, 14, 19, 20, 21
"""Steps of a life."""


def leaf_of(step: int, life: int = 3) -> int:
    """The leaf's index: steps by lives, but for a life's run, which stands together."""
    if RUN.start <= step < RUN.stop:
        return FIRST_LIFE + RUN.start * COHORT + (RUN.stop - RUN.start) * life + step - RUN.start
    return FIRST_LIFE + step * COHORT + life


def lead(gather, bundle: int, first: int) -> None:
    gather["to_tag"] = list(Target(bundle, first).tag)


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
    leaves["flags"][[leaf_of(step) for step in range(LIFE)]] &= 0xFE
    return leaf_of(CANCEL)


def what_its_sibling_took(leaves):
    leaves["first"][leaf_of(LOCK)] -= 1
    return leaf_of(LOCK)


def what_was_issued_before(leaves):
    leaves["first"][leaf_of(ISSUE)] -= 1
    return leaf_of(ISSUE)


def a_piece_that_leads_where_another_led(leaves):
    leaves["to_tag"][leaf_of(GATHER + 1)] = leaves["to_tag"][leaf_of(GATHER)]
    return leaf_of(GATHER + 1)


def a_hole_between_pieces(leaves):
    first = int(leaves["first"][leaf_of(BUNDLE)])
    lead(leaves[leaf_of(GATHER + 1)], first, first + int(leaves["last"][leaf_of(GATHER)]))
    return leaf_of(GATHER + 1)


def pieces_in_the_wrong_order(leaves):
    here = [leaf_of(GATHER), leaf_of(GATHER + 1)]
    leaves[here] = leaves[here[::-1]]
    return leaf_of(GATHER)


def a_bundle_a_gram_too_long(leaves):
    leaves["last"][leaf_of(BUNDLE)] += 1
    return leaf_of(BUNDLE)


def a_bundle_a_gram_too_short(leaves):
    leaves["last"][leaf_of(BUNDLE)] -= 1
    return leaf_of(BUNDLE)


def a_bundle_of_nothing(leaves):
    leaves[leaf_of(GATHER + 1)] = leaves[leaf_of(RECORD)]
    return leaf_of(GATHER + 1)


def a_bundle_that_begins_a_gram_early(leaves):
    first = int(leaves["first"][leaf_of(BUNDLE)]) - 1
    piece = leaves[leaf_of(GATHER)]
    lead(piece, first, first)
    lead(leaves[leaf_of(GATHER + 1)], first, first + int(piece["last"] - piece["first"]))
    for name in ("first", "last"):
        leaves[name][leaf_of(BUNDLE)] -= 1
    return leaf_of(BUNDLE)


UNLAWFUL = [
    (Rule.KIND, change(VOID, kind=13)),
    (Rule.KIND, change(VOID, kind=0)),
    (Rule.RECORD, change(RECORD, purpose=1)),
    (Rule.RECORD, change(RECORD, parent=0)),
    (Rule.RANGE, empty),
    (Rule.RANGE, change(GIVE, last=GRAMS_END)),
    (Rule.RANGE, change(BUNDLE, last=GRAMS_END)),
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
    (Rule.HOLDER, change(ISSUE, to_tag=[0] * 20)),
    (Rule.HOLDER, change(BUNDLE, to_tag=[0] * 20)),
    (Rule.HOLDER, change(GIVE, to_tag=[0] * 20)),
    (Rule.KEPT_FLAGS, flip_flags(VOID, 1)),
    (Rule.CONVERTED, flip_flags(VOID, 4)),
    (Rule.INDIVIDUAL, flip_flags(VOID, 8)),
    (Rule.LOCKED, flip_flags(VOID, 16)),
    (Rule.UNTIL, change(VOID, until=six_bytes(1))),
    (Rule.EXPIRY, change(DONATE, at=six_bytes(UNTIL_MS + 1))),
    (Rule.CLASS_I, of_a_life_without_class_i),
    (Rule.REFUND, change(REFUND, to_tag=[1] * 20)),
    (Rule.OVERLAP, what_its_sibling_took),
    (Rule.ISSUE_OVERLAP, what_was_issued_before),
    (Rule.ISSUE_OVERLAP, a_bundle_that_begins_a_gram_early),
    (Rule.GATHERED, change(GATHER, to_tag=[1] * 20)),
    (Rule.GATHERED, a_piece_that_leads_where_another_led),
    (Rule.GATHERED, a_hole_between_pieces),
    (Rule.GATHERED, pieces_in_the_wrong_order),
    (Rule.GATHERED, a_bundle_a_gram_too_long),
    (Rule.GATHERED, a_bundle_a_gram_too_short),
    (Rule.GATHERED, a_bundle_of_nothing),
    (Rule.GATHERED, change(BUNDLE, at=six_bytes(UNTIL_MS))),
    (Rule.GATHERED, flip_flags(BUNDLE, 1)),
    (Rule.ORDER, change(VOID, parent=leaf_of(VOID))),
    (Rule.ORDER, change(VOID, parent=leaf_of(VOID) + 1)),
    (Rule.ORDER, change(VOID, parent=10**6)),
    (Rule.ORDER, change(VOID, parent=2**64 - 2)),
]
UNLAWFUL_IDS = [f"{number} {rule.name}" for number, (rule, _) in enumerate(UNLAWFUL)]

"""What the bench of the log publishes: a programme, an issuance, and very many grams that rest on it."""

import hashlib
import json

from api.bench.decided import LENGTH, MINUTE_MS, OF_COHORT, VALIDITY_YEARS, Written, of_cohort, programme
from registry.evidence.document import Evidence, digest
from registry.ledger.child import minute_of
from registry.ledger.movement import NO_TAG, Movement
from registry.ledger.posting import Line
from registry.procedure.days import valid_until

FAMILY = 10
"""Movements of one holder: an ISSUE of 90 g, and nine CONVERTs of 10 g each."""
ISSUED_G = 90
START = 1_760_000_000_000
"""Unix milliseconds: of the first movement, less its number."""
UNTIL = valid_until(START, VALIDITY_YEARS)
"""When all points expire: a log of ten million leaves is of one day."""
DECIDED = LENGTH + 2
"""Records before the first movement: a programme, and an issuance of all grams, proposed and decided."""


class Lines:
    """What a log of so many leaves says, by number: what was decided, then family by family.

    Of each family first the ISSUE, then the CONVERTs, with a withheld document.
    """

    def __init__(self, leaves: int) -> None:
        families = -(-(leaves - DECIDED) // FAMILY)
        decided = programme(START - OF_COHORT * MINUTE_MS, 0)
        lot = of_cohort(decided, 1, START, (0, families * ISSUED_G), families, 0)[: DECIDED - LENGTH]
        self._records = [*decided.records, *lot]

    def line(self, number: int) -> Line:
        """Make the movement of a number, from 1 on."""
        return _record(self._records[number - 1]) if number <= DECIDED else _movement(number)


def _record(said: Written) -> Line:
    movement = Movement(said.kind, 0, 0, 0, 0, 0, None, said.at, 0, NO_TAG, NO_TAG, said.evidence)
    return Line(movement, None, None, Evidence(said.evidence, json.loads(said.text)), public=said.text)


def _movement(number: int) -> Line:
    family, place = divmod(number - DECIDED - 1, FAMILY)
    fields = {"n": hashlib.sha256(number.to_bytes(8)).hexdigest()}
    evidence, tag = Evidence(digest(fields), fields), hashlib.sha256(family.to_bytes(8)).digest()[:20]
    first, at = family * ISSUED_G, minute_of(START + number)
    if place == 0:
        movement = Movement(1, 1, 11, 0, first, first + ISSUED_G, None, at, 0, NO_TAG, tag, evidence.digest)
        return Line(movement, None, 1, evidence)
    grams, parent = (first + place * 10 - 10, first + place * 10), family * FAMILY + DECIDED + 1
    movement = Movement(3, 2, 15, 0, *grams, parent, at, UNTIL, tag, tag, evidence.digest)
    return Line(movement, 1, 1, evidence)

"""Which of several faults is named."""

from registry.ledger.movement import Kind
from tests.support.decisions import (
    HEX,
    moment,
    programme,
    to_live,
)
from tests.support.procedure_cases.making import CONVERTED, case


@case("PREVIOUS")
def the_first_rule_is_named():
    book = programme()
    book.decide("I-1", "publish", "nowhere", "nobody:1", previous=HEX, second="nobody:1")
    return book


@case("ACTOR", "")
def a_faulty_decision_has_no_effect():
    book = programme()
    book.decide("I-1", "propose", "proposed", "exchange:1")
    del book.last["I-1"]
    book.decide("I-1", "propose", "proposed")
    return book


@case("SECOND", "LOT", "POLICY")
def each_faulty_leaf_is_named():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, second="centre:2")
    book.move(Kind.ISSUE, 0, 400)
    book.move(Kind.CONVERT, 0, 400, CONVERTED, until=moment("2028-02-04 00:00") - 1)
    return book

"""Logs that break DOCUMENT, or just do not."""

from hashlib import sha256

from registry.ledger.movement import Kind
from tests.support.decisions import (
    HEX,
    Book,
    programme,
    sealed,
    to_live,
)
from tests.support.procedure_cases.making import case, lot_of


@case("DOCUMENT")
def a_record_without_its_document():
    book = programme()
    book.methodology()
    book.strip()
    return book


@case("DOCUMENT")
def a_document_of_another_leaf():
    book = programme()
    book.decide("I-1", "propose", "proposed")
    book.altered(evidence=sha256(b"another").digest())
    return book


@case("DOCUMENT")
def a_statement_without_its_document():
    book = Book()
    book.put(Kind.STATE, sealed({"record": "state", "size": "0"}))
    book.strip()
    return book


@case("DOCUMENT", "DOCUMENT", "DOCUMENT", "DOCUMENT")
def kinds_of_records_that_are_not_listed():
    book = programme()
    for kind in (Kind.PUBLICITY, Kind.OBJECTION, Kind.DUPLICATE, 77):
        book.decide("I-1", "propose", "proposed", leaf_kind=kind)
    return book


@case("DOCUMENT")
def a_field_that_is_withheld():
    book = programme()
    book.decide("I-1", "propose", "proposed", withhold=["actor"])
    return book


@case("DOCUMENT")
def a_time_that_is_not_the_leaf_s():
    book = programme()
    book.decide("I-1", "propose", "proposed", at="2026-01-05T00:00:00.000Z")
    return book


@case("DOCUMENT")
def a_value_that_is_a_number():
    book = programme()
    book.decide("I-1", "propose", "proposed", remark=1)
    return book


def opined(*opinions):
    book = programme()
    book.decide("I-1", "propose", "proposed", opinions=list(opinions))
    return book


@case("DOCUMENT")
def no_opinions_at_all():
    return opined()


@case("DOCUMENT")
def two_opinions_of_one_expert():
    return opined(f"expert:1 for sound {HEX}", f"expert:1 against sound {HEX}")


@case("DOCUMENT")
def an_opinion_of_an_officer():
    return opined(f"centre:1 for sound {HEX}")


@case("DOCUMENT")
def an_opinion_that_says_nothing():
    return opined(f"expert:1 perhaps sound {HEX}")


@case("DOCUMENT")
def an_opinion_without_a_digest():
    return opined("expert:1 for sound")


@case()
def an_opinion_that_nobody_asked_for():
    return opined(f"service-body:9 for sound-enough {HEX}")


@case("DOCUMENT")
def a_case_of_another_kind():
    book = programme()
    book.decide("I-1", "propose", "proposed", case_="S-1")
    return book


@case("DOCUMENT")
def a_lot_that_is_said_before_it_is_issued():
    book = to_live()
    book.decide("I-1", "propose", "proposed", **lot_of(book))
    return book


@case("DOCUMENT")
def an_issuance_that_says_no_lot():
    book = to_live()
    book.decide("I-1", "propose", "proposed")
    book.decide("I-1", "issue", "issued", "centre:2", second="centre:3")
    return book


@case("DOCUMENT", "DOCUMENT")
def a_finding_about_a_person_s_name_or_an_officer():
    book = programme()
    for party in ("Wang", "centre:1"):
        book.last.pop("F-1", None)
        book.sanction(party=party)
    return book

"""Logs that break LOT, or just do not."""

from registry.ledger.movement import Flag, Kind
from tests.support.decisions import (
    to_issued,
    to_live,
)
from tests.support.procedure_cases.making import INDIVIDUAL, case


@case("LOT")
def grams_of_no_issuance():
    book = to_issued()
    book.move(Kind.ISSUE, 1000, 1001)
    return book


@case("LOT", "")
def grams_before_their_issuance():
    book = to_live()
    book.move(Kind.ISSUE, 0, 400)
    book.decide("I-1", "propose", "proposed")
    return book


@case("LOT")
def grams_over_the_end_of_an_issuance():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.move(Kind.ISSUE, 999, 1001)
    return book


@case("LOT")
def grams_over_the_end_of_one_issuance_into_the_next():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.issuance(2, book.live, book.methodology_digest, first=1000)
    book.move(Kind.ISSUE, 999, 1001)
    return book


@case("LOT")
def fewer_accounts_than_were_issued_to():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, accounts=3)
    book.move(Kind.ISSUE, 0, 400)
    book.move(Kind.ISSUE, 400, 1000)
    return book


@case("LOT")
def more_accounts_than_were_issued_to():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    book.move(Kind.ISSUE, 0, 999)
    return book


@case("LOT")
def grams_without_the_mark_of_a_scenario():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.move(Kind.ISSUE, 0, 400, Flag.INDIVIDUAL)
    return book


@case("LOT")
def grams_of_a_class_that_the_methodology_has_not():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.move(Kind.ISSUE, 0, 400, INDIVIDUAL | Flag.CLASS_I)
    return book


@case("LOT")
def an_issuance_of_grams_that_another_issued():
    book = to_issued()
    book.issuance(2, book.live, book.methodology_digest, first=999)
    return book


@case("LOT")
def an_issuance_of_more_accounts_than_grams():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, quantity=2, accounts=3)
    return book


@case("LOT")
def a_period_before_the_source_was_valid():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, period_from="2025-12-31T15:59:59.999Z")
    return book


@case("LOT")
def a_period_after_the_source_was_valid():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, period_until="2027-12-31T16:00:00.001Z")
    return book


@case("LOT")
def a_source_that_is_approved_for_no_time():
    book = to_live(valid_until="none")
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("LOT")
def two_lots_of_a_project_for_one_time():
    book = to_live("project")
    book.issuance(1, book.live, book.methodology_digest)
    book.issuance(2, book.live, book.methodology_digest, first=1000, period_from="2026-01-19T15:59:59.999Z",
                  period_until="2026-01-20T16:00:00.000Z")  # fmt: skip
    return book


@case()
def two_lots_of_a_project_for_neighbouring_times():
    book = to_live("project")
    book.issuance(1, book.live, book.methodology_digest)
    book.issuance(2, book.live, book.methodology_digest, first=1000, period_from="2026-01-19T16:00:00.000Z",
                  period_until="2026-01-20T16:00:00.000Z")  # fmt: skip
    return book


@case("LOT")
def a_bundle_of_grams_that_are_issued():
    book = to_issued()
    book.move(Kind.BUNDLE, 999, 1500)
    return book


@case("LOT")
def an_issuance_of_grams_that_are_bundled():
    book = to_issued()
    book.move(Kind.BUNDLE, 1000, 1500)
    book.issuance(2, book.live, book.methodology_digest, first=1499)
    return book


@case(findings=[(-2, "LOT_OPEN")])
def a_lot_that_is_not_issued_to_its_end():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.at += 86_400_000 - 60_000 + 1
    book.decide("I-2", "propose", "proposed")
    return book


@case()
def a_lot_that_has_time_to_its_end():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.at += 86_400_000 - 60_000
    book.decide("I-2", "propose", "proposed")
    return book

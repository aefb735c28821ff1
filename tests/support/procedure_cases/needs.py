"""Logs that break NEEDS, or just do not."""

import copy

from registry.procedure.decision import Record
from registry.procedure.table import shipped_value
from tests.support.decisions import (
    HEX,
    moment,
    programme,
    to_issued,
    to_live,
    to_publicity,
)
from tests.support.procedure_cases.making import case


@case("NEEDS")
def a_methodology_that_nobody_published():
    book = programme()
    book.source(
        "S-1",
        "apply",
        "applied",
        {"kind_": "scenario", "methodology": HEX, "valid_from": "none", "valid_until": "none"},
    )
    return book


@case("NEEDS")
def a_decision_that_published_nothing():
    book = programme()
    book.methodology()
    evaluated = book.entries[-2].movement.evidence.hex()
    terms = {"kind_": "scenario", "methodology": evaluated, "valid_from": "none", "valid_until": "none"}
    book.source("S-1", "apply", "applied", terms)
    return book


@case("NEEDS")
def a_methodology_that_is_not_named():
    book = programme()
    terms = {"kind_": "scenario", "methodology": "none", "valid_from": "none", "valid_until": "none"}
    book.source("S-1", "apply", "applied", terms)
    book.source("S-1", "accept", "accepted", terms)
    return book


VERSION = {"code": "SHCER02020032021II", "version": "1", "class_": "II", "kind_": "scenario"}


@case("NEEDS")
def an_evaluation_without_the_opinion_that_it_needs():
    book = programme()
    book.methodology(opinions=None)
    book.entries.pop()
    return book


@case()
def more_opinions_than_are_asked_for():
    book = programme()
    both = [f"expert:2 against double-counting {HEX}", f"service-body:2 conditions meters {HEX}"]
    book.methodology(opinions=both)
    return book


def sanctioned(**said):
    book = programme()
    book.sanction(**said)
    return book


def opined(book):
    """A methodology that is evaluated with the opinion of expert 1."""
    book.methodology()
    book.entries.pop()
    return book


@case("NEEDS")
def an_opinion_of_who_is_barred():
    return opined(sanctioned())


@case("NEEDS")
def an_opinion_of_who_appealed_in_vain():
    book = sanctioned()
    book.answer("uphold", "upheld")
    return opined(book)


@case("NEEDS")
def an_opinion_of_who_is_barred_by_another_finding_still():
    book = sanctioned()
    book.sanction(2, finding="absent")
    book.answer("lift", "lifted")
    return opined(book)


@case()
def an_opinion_when_the_bar_was_lifted():
    book = sanctioned()
    book.answer("lift", "lifted")
    return opined(book)


@case()
def an_opinion_when_the_bar_is_over():
    book = sanctioned(until="2026-02-01T00:00:00.000Z")
    return opined(book.wait("2026-02-01 07:58"))


@case()
def an_opinion_of_who_is_not_barred_by_what_was_found():
    return opined(sanctioned(bars="no"))


@case()
def an_opinion_when_another_is_barred():
    book = sanctioned(party="service-body:1")
    book.sanction(2, party=HEX)
    return opined(book)


@case("NEEDS")
def an_answer_to_an_appeal_that_nobody_made():
    book = sanctioned()
    book.answer("uphold", "upheld", appeal_sha256=None)
    return book


@case("NEEDS")
def a_review_of_a_project_without_an_opinion():
    book = programme()
    book.reviewed(book.methodology(kind_="project"), kind="project", opinions=None)
    return book


@case("NEEDS")
def a_methodology_for_another_kind():
    book = programme()
    terms = {"kind_": "project", "methodology": book.methodology(), "valid_from": "none", "valid_until": "none"}
    book.source("S-1", "apply", "applied", terms)
    return book


def withdraw_methodology(book):
    terms = {"code": "SHCER02020032021II", "version": "1", "class_": "II", "kind_": "scenario"}
    book.decide("M-1", "withdraw", "withdrawn", "bureau:1", second="bureau:2", **terms)


@case("NEEDS")
def a_source_published_under_a_methodology_that_was_withdrawn():
    book = to_publicity()
    book.publicise(book.terms)
    withdraw_methodology(book)
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    return book


@case("NEEDS")
def an_issuance_under_a_methodology_that_was_withdrawn():
    book = to_live()
    withdraw_methodology(book)
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_of_a_source_that_is_not_live():
    book = to_live()
    book.live = book.find(book.terms)
    book.issuance(1, book.live, book.methodology_digest)
    return book


def without_needs():
    """A life cycle of issuances that asks nothing of sources and methodologies by itself."""
    table = copy.deepcopy(shipped_value(Record.ISSUANCE))
    del table["steps"][1]["needs"]
    return {"issuance": table}


@case("NEEDS")
def an_issuance_of_a_source_that_is_not_live_whatever_the_life_cycle_says():
    book = to_live(tables=without_needs())
    book.live = book.find(book.terms)
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_under_a_withdrawn_methodology_whatever_the_life_cycle_says():
    book = to_live(tables=without_needs())
    withdraw_methodology(book)
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_by_an_earlier_decision_of_its_source():
    book = to_live()
    book.source("S-1", "warn", "live", book.terms, reason="late", mend_until="2026-12-01T00:00:00.000Z")
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_by_a_decision_of_no_source():
    book = to_live()
    book.issuance(1, book.methodology_digest, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_under_a_methodology_that_its_source_does_not_name():
    book = to_live()
    other = book.methodology(2)
    book.issuance(1, book.live, other)
    return book


@case("NEEDS")
def a_correction_of_no_lot():
    book = to_issued()
    book.correct(1, book.live, ["0 100"], 100)
    return book


def warned():
    """A live source of which something is to be mended by the end of 9 February."""
    book = to_live()
    terms = book.terms | {"reason": "late-reports", "mend_until": "2026-02-09T16:00:00.000Z"}
    book.live = book.source("S-1", "warn", "live", terms)
    return book


@case()
def an_issuance_while_there_is_time_to_mend():
    book = warned()
    book.at = moment("2026-02-10 00:00") - 2 * 60_000 - 1
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_when_the_time_to_mend_is_over():
    book = warned()
    book.at = moment("2026-02-10 00:00") - 2 * 60_000
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_when_the_first_time_to_mend_is_over_although_another_finding_has_a_later_one():
    book = warned()
    terms = book.terms | {"reason": "meters-stood-still", "mend_until": "2026-12-01T00:00:00.000Z"}
    book.live = book.source("S-1", "warn", "live", terms)
    book.wait("2026-02-11 09:00").issuance(1, book.live, book.methodology_digest)
    return book


@case()
def an_issuance_when_it_was_mended_at_last():
    book = warned()
    book.wait("2026-02-11 09:00")
    book.live = book.source("S-1", "mend", "live", book.terms, second="exchange:1", mend_until="none")
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_of_an_overdue_source_whose_devices_were_verified_since():
    book = warned()
    book.wait("2026-02-11 09:00")
    book.source("S-1", "change_devices", "verifying", book.terms, devices_sha256=HEX)
    verified = book.terms | {"second": "exchange:1", "devices_sha256": HEX}
    book.live = book.source("S-1", "verify_devices", "live", verified)
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def a_finding_without_a_reason():
    book = to_live()
    book.find(book.terms, reason=None)
    return book


@case("NEEDS")
def a_platform_that_is_connected_by_no_contract():
    book = to_publicity()
    book.publicise(book.terms)
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    book.source("S-1", "connect", "connected", book.terms, "exchange:1", devices_sha256=HEX, contract_sha256="AB" * 32)
    return book


@case("NEEDS")
def a_list_of_devices_that_is_withheld():
    book = to_live()
    book.source("S-1", "change_devices", "verifying", book.terms, devices_sha256=HEX, withhold=("devices_sha256",))
    return book

"""Logs that break WAIT, or just do not."""

import copy

from registry.clock import rfc3339
from registry.procedure.decision import Record
from registry.procedure.table import shipped_value
from tests.support.decisions import (
    moment,
    programme,
    to_live,
    to_publicity,
)
from tests.support.procedure_cases.making import case


@case("WAIT")
def publicity_that_is_not_over():
    book = to_publicity()
    book.publicise(book.terms)
    book.at = moment("2026-01-16 00:00") - 60_001
    book.publish_source(book.terms)
    return book


@case("WAIT")
def publicity_that_is_too_short():
    book = to_publicity()
    book.publicise(book.terms, until="2026-01-15 00:00")
    return book


@case("WAIT")
def longer_publicity_that_is_not_over():
    book = to_publicity()
    book.publicise(book.terms, until="2026-01-20 00:00")
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    return book


@case("WAIT")
def a_shorter_publicity_after_a_longer_one():
    table = copy.deepcopy(shipped_value(Record.SOURCE))
    table["steps"][4]["from"] = ["reviewed", "publicity"]
    book = programme(source=table)
    book.terms = book.reviewed(book.methodology())
    book.wait("2026-01-08 10:00").publicise(book.terms, until="2026-01-20 00:00")
    book.publicise(book.terms)
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    return book


@case("WAIT")
def publicity_that_began_before_it_was_decided():
    book = to_publicity()
    book.publicise(book.terms, publicity_from=rfc3339(book.at + 59_999))
    return book


@case("WAIT")
def an_opening_that_says_not_how_long():
    book = to_publicity()
    book.publicise(book.terms, publicity_from=None, publicity_until=None)
    return book


@case("WAIT")
def publicity_in_a_decision_that_opens_none():
    book = programme()
    book.decide("I-1", "propose", "proposed", publicity_from=rfc3339(book.at + 60_000),
                publicity_until="2027-01-01T00:00:00.000Z")  # fmt: skip
    return book


@case("WAIT")
def publicity_of_which_no_policy_says_how_long():
    book = programme(publicity={"correction": 5})
    methodology = book.methodology()
    book.terms = book.reviewed(methodology)
    book.wait("2026-01-08 10:00").publicise(book.terms)
    return book


@case("WAIT")
def a_year_without_a_calendar():
    book = to_publicity()
    book.wait("2026-12-28 09:00").publicise(book.terms, until="2028-01-01 00:00")
    return book


@case("WAIT")
def publicity_over_a_holiday():
    book = to_publicity()
    book.wait("2026-02-12 09:00").publicise(book.terms, until="2026-02-20 00:00")
    return book


@case()
def publicity_by_the_policies_in_force_when_it_opened():
    book = to_publicity()
    book.publicise(book.terms)
    book.policy(book.numbers["publicity"], "publicity", {"source": 20}, in_force="2026-01-09 00:00")
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    return book


def slow_corrections():
    """A programme in which a correction waits three working days after it was proposed."""
    table = copy.deepcopy(shipped_value(Record.CORRECTION))
    table["steps"][2]["after_working_days"] = 3
    book = programme(correction=table)
    book.decide("C-1", "propose", "proposed")
    return book


@case("WAIT")
def a_waiting_time_that_is_not_over():
    book = slow_corrections()
    book.at = moment("2026-01-09 00:00") - 60_001
    book.decide("C-1", "dismiss", "dismissed")
    return book


@case()
def a_waiting_time_that_is_over():
    book = slow_corrections()
    book.at = moment("2026-01-09 00:00") - 60_000
    book.decide("C-1", "dismiss", "dismissed")
    return book


@case("WAIT")
def a_finding_that_says_not_until_when_to_mend():
    book = to_live()
    book.find(book.terms, mend_until=None)
    return book


@case("WAIT")
def a_time_to_mend_that_is_too_short():
    book = to_live()
    book.find(book.terms, until="2026-02-09 23:59")
    return book


@case("WAIT")
def a_time_to_mend_in_a_decision_that_finds_nothing():
    book = to_live()
    book.source("S-1", "end", "ended", book.terms, mend_until="2026-12-01T00:00:00.000Z")
    return book


@case("WAIT")
def a_decision_that_it_is_mended_which_says_until_when():
    book = to_live()
    book.find(book.terms)
    book.clear(book.terms, mend_until="2026-12-01T00:00:00.000Z")
    return book


@case("WAIT")
def what_stopped_a_source_and_was_mended_too_late():
    book = to_live()
    book.find(book.terms, until="2026-02-10 00:00")
    book.at = moment("2026-02-10 00:00") - 60_000
    book.clear(book.terms)
    return book


@case()
def what_stopped_a_source_and_was_mended_in_time():
    book = to_live()
    book.find(book.terms, until="2026-02-10 00:00")
    book.at = moment("2026-02-10 00:00") - 60_001
    book.clear(book.terms)
    return book


def renewed(at, until="2029-01-01T00:00:00.000Z"):
    book = to_live()
    book.at = moment(at) - 60_000
    book.source("S-1", "renew", "live", book.terms | {"valid_until": until}, second="centre:9")
    return book


@case("WAIT")
def a_renewal_before_the_last_three_months():
    book = to_live()
    book.at = moment("2027-10-01 00:00") - 60_001
    book.source("S-1", "renew", "live", book.terms | {"valid_until": "2029-01-01T00:00:00.000Z"}, second="centre:9")
    return book


@case("WAIT")
def a_renewal_when_the_approval_has_ended():
    return renewed("2028-01-01 00:00")


@case("WAIT")
def a_renewal_to_the_day_that_it_was():
    return renewed("2027-11-01 00:00", until="2027-12-31T16:00:00.000Z")


@case("WAIT")
def a_second_renewal_before_its_own_last_three_months():
    book = renewed("2027-10-01 00:00")
    book.source("S-1", "renew", "live", book.terms | {"valid_until": "2030-01-01T00:00:00.000Z"}, second="centre:9")
    return book


@case("WAIT")
def a_longer_approval_in_a_decision_that_renews_nothing():
    book = to_live()
    terms = book.terms | {"valid_until": "2029-01-01T00:00:00.000Z", "reason": "late-reports"}
    book.source("S-1", "warn", "live", terms, mend_until="2026-12-01T00:00:00.000Z")
    return book


@case("WAIT")
def a_renewal_that_begins_the_approval_earlier():
    book = to_live()
    book.at = moment("2027-11-01 00:00")
    terms = book.terms | {"valid_from": "2025-01-01T00:00:00.000Z", "valid_until": "2029-01-01T00:00:00.000Z"}
    book.source("S-1", "renew", "live", terms, second="centre:9")
    return book


@case("WAIT")
def a_finding_whose_term_is_over():
    book = programme()
    book.sanction(until=rfc3339(book.at + 60_000))
    return book


@case()
def a_finding_whose_term_is_a_millisecond():
    book = programme()
    book.sanction(until=rfc3339(book.at + 60_001))
    return book

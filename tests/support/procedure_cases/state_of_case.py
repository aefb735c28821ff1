"""Logs that break STATE_OF_CASE, or just do not."""

from registry.procedure.decision import Record
from registry.procedure.table import shipped_value
from tests.support.decisions import (
    programme,
    to_publicity,
)
from tests.support.procedure_cases.making import case


@case("STATE_OF_CASE")
def a_state_that_the_case_is_not_at():
    book = programme()
    book.decide("M-1", "submit", "submitted", code="a", version="1", class_="II", kind_="scenario")
    book.decide("M-1", "publish", "published", "bureau:1", from_="evaluated", second="bureau:2",
                code="a", version="1", class_="II", kind_="scenario", definition="{}")  # fmt: skip
    return book


@case("STATE_OF_CASE")
def a_step_that_skips_publicity():
    book = to_publicity()
    book.publish_source(book.terms)
    return book


@case("STATE_OF_CASE")
def a_step_to_a_state_of_another():
    book = to_publicity()
    book.publicise(book.terms, to_="published")
    return book


@case("STATE_OF_CASE")
def a_project_s_step_for_a_scenario():
    book = to_publicity()
    book.publicise(book.terms)
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    book.source("S-1", "start", "live", book.terms, second="centre:5")
    return book


@case("STATE_OF_CASE")
def a_life_cycle_that_is_not_published():
    book = programme(issuance=None)
    book.decide("I-1", "propose", "proposed")
    return book


@case("STATE_OF_CASE")
def a_life_cycle_that_is_not_in_force_yet():
    book = programme(issuance=None)
    book.policy(9, "procedure/issuance", shipped_value(Record.ISSUANCE), in_force="2026-01-06 00:00")
    book.decide("I-1", "propose", "proposed")
    return book


@case("STATE_OF_CASE")
def a_case_that_is_over():
    book = programme()
    book.decide("I-1", "propose", "proposed")
    book.decide("I-1", "refuse", "refused")
    book.decide("I-1", "issue", "proposed")
    return book

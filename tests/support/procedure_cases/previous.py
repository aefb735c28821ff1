"""Logs that break PREVIOUS, or just do not."""

from tests.support.decisions import (
    HEX,
    programme,
    to_live,
)
from tests.support.procedure_cases.making import case


@case("PREVIOUS")
def a_fork():
    book = to_live()
    fork = book.last["S-1"]
    book.find(book.terms)
    book.last["S-1"] = fork
    book.source("S-1", "exclude", "excluded", book.terms, second="exchange:1")
    return book


@case("PREVIOUS")
def a_decision_that_was_dropped():
    book = programme()
    book.methodology()
    book.last["M-1"] = (HEX, "published")
    terms = {"code": "a", "version": "2", "class_": "II", "kind_": "scenario", "definition": "{}"}
    book.decide("M-1", "revise", "published", "bureau:1", second="bureau:2", **terms)
    return book


@case("PREVIOUS")
def a_case_that_begins_twice():
    book = programme()
    book.decide("I-1", "propose", "proposed")
    del book.last["I-1"]
    book.decide("I-1", "propose", "proposed")
    return book


@case("PREVIOUS")
def a_first_decision_with_one_before_it():
    book = programme()
    book.decide("I-1", "propose", "proposed", previous=HEX)
    return book


@case("PREVIOUS")
def a_decision_that_is_earlier_than_the_one_before():
    book = programme()
    book.decide("I-1", "propose", "proposed")
    book.at -= 120_000
    book.decide("I-1", "refuse", "refused")
    return book


VERSION = {"version": "1", "class_": "II", "kind_": "scenario"}
CODE = "SHCER02020032021II"


@case("PREVIOUS")
def two_publications_of_one_version():
    book = programme()
    book.methodology()
    other = {"code": CODE, "definition": "{}", "second": "bureau:2"}
    book.decide("M-1", "revise", "published", "bureau:1", **VERSION | other)
    return book


@case("PREVIOUS")
def a_version_before_the_one_that_is_published():
    book = programme()
    book.methodology(version="3")
    said = {"code": CODE, "version": "2", "definition": "{}", "second": "bureau:2"}
    book.decide("M-1", "revise", "published", "bureau:1", **VERSION | said)
    return book


@case("PREVIOUS")
def a_second_case_for_one_methodology():
    book = programme()
    book.methodology()
    book.decide("M-2", "submit", "submitted", **VERSION | {"code": CODE, "version": "2"})
    return book


@case("PREVIOUS")
def a_case_that_goes_over_to_another_methodology():
    book = programme()
    book.decide("M-1", "submit", "submitted", **VERSION | {"code": CODE})
    book.decide("M-1", "evaluate", "evaluated", **VERSION | {"code": "other"})
    return book

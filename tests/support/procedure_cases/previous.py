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
    book.source("S-1", "find", "rectifying", book.terms)
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

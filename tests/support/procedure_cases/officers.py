"""ACTOR and SECOND."""

from tests.support.decisions import (
    programme,
    to_live,
    to_publicity,
)
from tests.support.procedure_cases.making import case


@case("ACTOR")
def an_authority_that_may_not():
    book = programme()
    book.decide("I-1", "propose", "proposed", "exchange:1")
    return book


@case("SECOND")
def nobody_who_approved():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, second=None)
    return book


@case("SECOND")
def an_officer_who_approved_what_he_decided():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, second="centre:2")
    return book


@case("SECOND")
def an_officer_who_approved_what_he_proposed():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, second="centre:1")
    return book


@case("SECOND")
def an_approval_by_another_authority():
    book = to_publicity()
    book.publicise(book.terms)
    book.wait("2026-01-16 09:00").publish_source(book.terms, second="centre:9")
    return book


@case("SECOND")
def an_approval_that_nobody_asked_for_by_the_one_who_decided():
    book = programme()
    book.decide("I-1", "propose", "proposed", "centre:1", second="centre:1")
    return book


@case("SECOND")
def an_appeal_answered_by_who_approved_the_finding():
    book = programme()
    book.sanction(second="bureau:1")
    book.answer("uphold", "upheld")
    return book


@case("SECOND")
def an_appeal_answered_with_who_found():
    book = programme()
    book.sanction()
    book.answer("lift", "lifted", second="centre:1")
    return book

"""Logs that break VOIDED, or just do not."""

from registry.ledger.movement import Kind
from tests.support.decisions import (
    to_issued,
)
from tests.support.procedure_cases.making import case


@case("VOIDED")
def grams_that_no_correction_names():
    book = to_issued()
    book.correct(1, book.lot, ["0 100"], 100)
    book.move(Kind.VOID, 0, 100)
    book.move(Kind.VOID, 100, 101)
    return book


@case("VOIDED", findings=[(-2, "CORRECTION_OPEN")])
def grams_of_which_a_correction_names_a_part():
    book = to_issued()
    book.correct(1, book.lot, ["0 100"], 100)
    book.move(Kind.VOID, 50, 150)
    return book


@case("VOIDED", "", "", findings=[(-1, "CORRECTION_OPEN")])
def grams_that_were_voided_before_their_correction():
    book = to_issued()
    book.move(Kind.VOID, 0, 100)
    book.correct(1, book.lot, ["0 100"], 100)
    return book


@case("VOIDED", findings=[(-2, "CORRECTION_OPEN")])
def more_grams_than_a_correction_voids():
    book = to_issued()
    book.correct(1, book.lot, ["0 100"], 99, 1)
    book.move(Kind.VOID, 0, 100)
    return book


@case("VOIDED")
def a_correction_of_grams_that_are_not_the_lot_s():
    book = to_issued()
    book.correct(1, book.lot, ["999 1001"], 2)
    return book


@case("VOIDED", findings=[(-3, "CORRECTION_OPEN")])
def grams_that_are_corrected_twice():
    book = to_issued()
    book.correct(1, book.lot, ["0 100"], 100)
    book.correct(2, book.lot, ["99 101"], 2)
    return book


@case("VOIDED")
def a_correction_that_does_not_add_up():
    book = to_issued()
    book.correct(1, book.lot, ["0 100", "200 300"], 150, 49)
    return book


@case("VOIDED", findings=[(-2, "CORRECTION_OPEN")], origins=[(9000, 9150, [[350, 400], [500, 600]])])
def grams_in_a_bundle_of_which_no_correction_names_a_part():
    book = to_issued()
    book.correct(1, book.lot, ["300 400"], 100)
    book.move(Kind.VOID, 9000, 9150)
    return book

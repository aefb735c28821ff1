"""Logs that break CLOCK, or just do not."""

from registry.ledger.movement import Kind
from tests.support.decisions import (
    Book,
    moment,
)
from tests.support.procedure_cases.making import case

NOW = moment("2026-02-02 09:00")


@case(watch=(NOW, NOW + 3_600_000))
def times_as_far_apart_as_they_may_be():
    book = Book()
    book.at = NOW - 60_000
    book.move(Kind.TRANSFER, 0, 1)
    book.move(Kind.TRANSFER, 0, 1)
    return book


@case("CLOCK", watch=(NOW, None))
def a_leaf_from_the_future():
    book = Book()
    book.at = NOW + 1
    book.move(Kind.TRANSFER, 0, 1)
    return book


@case("CLOCK", watch=(NOW, NOW))
def a_leaf_that_is_backdated():
    book = Book()
    book.at = NOW - 3_600_001 - 60_000
    book.move(Kind.TRANSFER, 0, 1)
    return book

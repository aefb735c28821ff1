"""What a case is, and how its maker is registered."""

from dataclasses import dataclass, field

from registry.clock import rfc3339
from registry.ledger.movement import Flag
from tests.support.decisions import HEX, Book, moment

CONVERTED = Flag.SCENARIO | Flag.INDIVIDUAL | Flag.CONVERTED
INDIVIDUAL = Flag.SCENARIO | Flag.INDIVIDUAL
FAR = "2026-03-02 09:00"
SWITCHES = ("quantified", "issues", "converts", "tradable")
RECOGNISED, QUANTIFIED, ISSUES = (), SWITCHES[:1], SWITCHES
"""What may become of a behaviour, by the switches that are on."""


def behaviours(on, code="SHCER02020032021II"):
    """The policy of behaviours, with one of them."""
    return {"behaviours": {code: {name: name in on for name in SWITCHES}}}


@dataclass
class Case:
    """A log, and what it has: (index, rule) of each faulty leaf, (index, name) of each finding."""

    name: str
    book: Book
    faults: list = field(default_factory=list)
    findings: list = field(default_factory=list)
    origins: list = field(default_factory=list)
    """[first, end, [[first, end]...]] of grams that came through bundles."""
    watch: tuple | None = None


MAKERS = {}
"""What makes a log, by its name."""


def case(*faults, findings=(), origins=(), watch=None):
    """Register the maker of a log. `faults` are rules of the leaves from the end: of the last one the last."""

    def register(make):
        def made():
            book = make()
            size = len(book.entries)
            named = [(size - len(faults) + at, rule) for at, rule in enumerate(faults) if rule]
            found = [(size + back, name) for back, name in findings]
            return Case(name, book, named, found, list(origins), watch)

        name = make.__name__.replace("_", " ")
        MAKERS[name] = made
        return make

    return register


def origins_of(listed):
    """Follow the listed grams back; those of no bundle are as they were issued."""
    known = {(first, end): [tuple(span) for span in spans] for first, end, spans in listed}
    return lambda first, end: known.get((first, end), [(first, end)])


def lot_of(book, **said):
    """What an issuance of the live source says."""
    day = moment("2026-01-19 00:00")
    return {
        "source": book.live, "methodology": book.methodology_digest, "policies": [], "first_g": "0",
        "quantity_g": "1000", "accounts": "2",
        "period_from": rfc3339(day), "period_until": rfc3339(day + 86_400_000), "inputs_sha256": HEX,
        "accepted": "2", "refused": [],
    } | said  # fmt: skip

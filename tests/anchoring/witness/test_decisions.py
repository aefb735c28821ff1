"""A witness replays decisions before it cosigns, after a restart too, and holds leaves to the time they come at."""

from contextlib import ExitStack, closing

import pytest

from anchoring.errors import Refuted
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TILE_WIDTH, document_path, entries_path
from anchoring.witness.replay import Replayer, Unlawful
from anchoring.witness.state import Head, WitnessState
from registry.ledger.movement import Kind
from tests.support import procedure_cases
from tests.support.decided import GrownBook
from tests.support.decisions import moment, to_live
from tests.support.synthetic_log import VKEY

NAMES = [
    "a fork",
    "an officer who approved what he proposed",
    "publicity that is not over",
    "points that are valid too long",
    "grams of no issuance",
    "grams that no correction names",
    "an issuance of a source that is not live",
]


class Witnessed:
    """A witness's replay of a growing log."""

    def __init__(self, folder, book, clock=None):
        self.log, self.state = folder / "log", folder / "state"
        self.grown, self.clock = GrownBook(self.log, book), clock

    def replay(self, *sizes, spoil=lambda: None):
        """Cosign the log at each size, in one life of the witness."""
        with ExitStack() as stack:
            state = stack.enter_context(WitnessState(self.state, VKEY, is_new=not self.state.exists()))
            replayer = stack.enter_context(closing(Replayer(state, DirectorySource(self.log), clock=self.clock)))
            for size in sizes:
                self.grown.grow(size)
                spoil()
                position = replayer.replay(size, self.grown.builder.root())
                state.commit(Head(position.tree, position.peaks, ""), lambda _: None)


@pytest.fixture
def witnessed(tmp_path):
    return lambda book, clock=None: Witnessed(tmp_path, book, clock)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lives", [1, 2])
def test_what_breaks_a_rule_is_not_cosigned_by_its_name(witnessed, name, lives):
    case = procedure_cases.named(name)
    faulty, rule = case.faults[0]
    log = witnessed(case.book)
    if lives == 2:
        log.replay(faulty // 2, faulty)
    with pytest.raises(Unlawful, match=f"leaf {faulty}: {rule}: ") as refused:
        log.replay(*([faulty // 2, faulty] if lives == 1 else []), len(case.book.entries))
    assert list(refused.value.data) == [faulty]


def test_after_a_refusal_it_goes_on_from_what_it_cosigned(witnessed):
    book = to_live()
    log = witnessed(book)
    log.replay(len(book.entries))
    whole = len(book.entries)
    book.find(book.terms, actor="bureau:3")
    for _ in range(2):
        with pytest.raises(Unlawful, match=f"leaf {whole}: ACTOR: "):
            log.replay(whole + 1)


def test_what_was_replayed_in_vain_is_replayed_anew_in_one_life(tmp_path):
    book = to_live()
    size = len(book.entries)
    grown = GrownBook(tmp_path / "log", book)
    grown.grow(size)
    file, root = grown.folder / document_path(0, size), grown.builder.root()
    whole = file.read_bytes()
    with ExitStack() as stack:
        state = stack.enter_context(WitnessState(tmp_path / "state", VKEY, is_new=True))
        replayer = stack.enter_context(closing(Replayer(state, DirectorySource(grown.folder))))
        for _ in range(2):
            file.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
            with pytest.raises(Unlawful, match=f"leaf {size - 1}: DOCUMENT: "):
                replayer.replay(size, root)
        file.write_bytes(whole)
        assert replayer.replay(size, root).tree.size == size


@pytest.mark.parametrize("leaf", [3, 250], ids=["a record", "a movement beside records"])
def test_leaves_that_are_others_than_those_replayed_before(witnessed, leaf):
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, accounts=240)
    for gram in range(239):
        book.move(Kind.ISSUE, gram, gram + 1)
    assert book.entries[leaf].movement.is_record == (leaf == 3)
    log = witnessed(book)
    log.replay(260)

    def spoil():
        file = log.log / entries_path(0, TILE_WIDTH)
        data = bytearray(file.read_bytes())
        data[116 * leaf + 100] ^= 1
        file.write_bytes(data)

    with pytest.raises(Refuted, match=f"leaf {leaf} is not the one that was replayed before"):
        log.replay(len(book.entries), spoil=spoil)


NOW = moment("2026-02-02 12:00")


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        (NOW + 60_000, None),
        (NOW + 60_001, "CLOCK"),
        (moment("2026-02-02 10:00") - 3_600_000, None),
        (moment("2026-02-02 10:00") - 3_600_001, "CLOCK"),
    ],
)
def test_a_leaf_is_of_the_time_at_which_it_comes(witnessed, at, outcome):
    book = to_live()
    book.at = moment("2026-02-02 10:00") - 60_000
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    book.entries.pop()
    book.at = moment("2026-02-02 10:00") - 60_000
    book.decide("I-2", "propose", "proposed")
    size = len(book.entries)
    book.at = at - 60_000
    book.decide("I-3", "propose", "proposed")
    log = witnessed(book, lambda: NOW)
    log.replay(size)
    if outcome is None:
        log.replay(size + 1)
    else:
        with pytest.raises(Unlawful, match=f"leaf {size}: {outcome}: "):
            log.replay(size + 1)


def test_a_log_that_waited_for_its_witnesses_goes_on(witnessed):
    book = to_live()
    log = witnessed(book, lambda: moment("2026-06-01 09:00"))
    log.replay(len(book.entries) - 3)
    log.replay(len(book.entries))
    assert book.entries[-1].movement.kind == Kind.SOURCE

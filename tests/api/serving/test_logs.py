"""What is written to our own log has a bound, in lines and in bytes, whoever makes us say it."""

import logging

import pytest
import structlog

from api.installation import logs
from api.installation.logs import BYTES_A_MINUTE, HEAD_BYTES, LINES_A_MINUTE, TAIL_BYTES, WINDOW_S, Volume, shortened

ROOM = 200
"""For what is said beside the bytes that are bounded."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ours(monkeypatch):
    """Our log with nothing written yet."""
    logs.configure()
    monkeypatch.setattr(logs, "_bound", logs.Bound())
    monkeypatch.setattr(logs, "_volume", Volume())
    return structlog.get_logger()


def test_of_one_thing_the_begin_and_the_end_are_written():
    assert shortened("短") == "短"
    for long in ("a" * 100_000 + "end", "短" * 100_000 + "end"):
        short = shortened(long)
        assert short.startswith(long[:100])
        assert short.endswith("end")
        assert len(short.encode()) < HEAD_BYTES + TAIL_BYTES + ROOM


def test_a_minute_has_so_many_bytes_and_the_next_says_what_was_left_out():
    clock = Clock()
    volume = Volume(clock)
    assert [volume.admit(BYTES_A_MINUTE - 1), volume.admit(2), volume.admit(1), volume.admit(5)] == [0, None, 2, None]
    clock.now = WINDOW_S
    assert [volume.admit(BYTES_A_MINUTE), volume.admit(1)] == [5, None]


def test_kinds_without_number_and_words_without_end_are_bounded_in_bytes(ours, capfd):
    for number in range(2_000):
        ours.error(f"kind {number % 500}", detail="x" * 10_000)
    written = len(capfd.readouterr().err.encode())
    assert BYTES_A_MINUTE / 2 < written < BYTES_A_MINUTE + ROOM


def test_a_kind_at_its_bounds_leaves_room_for_others(ours, capfd):
    for _ in range(1_000):
        ours.error("a stranger made us say it", detail="x" * 10_000)
    ours.error("worth knowing")
    said = capfd.readouterr().err
    assert said.count("a stranger made us say it") == LINES_A_MINUTE
    assert "worth knowing" in said


@pytest.mark.usefixtures("ours")
def test_a_log_that_cannot_be_written_ends_nothing(monkeypatch):
    """A library says it in the middle of taking connections."""

    class Full:
        def write(self, _text: str) -> None:
            raise OSError(28, "No space left on device")

        flush = write

    logs.bound_libraries()
    monkeypatch.setattr("sys.stderr", Full())
    full = logging.getLogger("asyncio")
    full.error("it cannot be written")
    assert full.handlers == [logs._ours]

"""Whether every movement is as this program sealed it: what `fsck` asks of the seals.

Movements and seals come in the order of their numbers and are merged, so that memory holds one run of each.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any

import sqlalchemy as sa

from registry.ledger.finding import Finding
from registry.ledger.sealing import MAX_RUN, PACKED, Sealer
from registry.upkeep.consistency import RESTORE


def check_seals(tx: sa.Connection, sealer: Sealer) -> Iterator[Finding]:
    """Give every movement that no seal of this program covers as it is, but for those that are set aside."""
    run = _Run(tx.execute(_MOVEMENTS))
    for seal in tx.execute(_SEALS):
        yield from map(_finding, run.leave(seal.first_id))
        run.judge(sealer, seal)
    yield from map(_finding, run.leave(None))


class _Run:
    """The movements that the next seal may cover, and which of them one before it did."""

    def __init__(self, rows: Iterable[sa.Row[Any]]) -> None:
        self._waiting = iter(rows)
        self._next = next(self._waiting, None)
        self._here: deque[sa.Row[Any]] = deque()
        self._sealed: set[int] = set()

    def leave(self, number: int | None) -> Iterator[sa.Row[Any]]:
        """Go on to a number, or to the end; give the movements before it that are not sealed."""
        while (row := self._here[0] if self._here else self._next) and (number is None or row.id < number):
            if self._here:
                self._here.popleft()
            else:
                self._next = next(self._waiting, None)
            if row.id not in self._sealed and not row.is_aside:
                yield row
            self._sealed.discard(row.id)

    def judge(self, sealer: Sealer, seal: sa.Row[Any]) -> None:
        """Mark what a seal covers as it is; it begins where `leave` went."""
        if not 0 < seal.covers <= MAX_RUN:
            return
        end = seal.first_id + seal.covers
        while self._next is not None and self._next.id < end:
            self._here.append(self._next)
            self._next = next(self._waiting, None)
        covered = list(takewhile(lambda row: row.id < end, self._here))
        if all(row.id in self._sealed for row in covered):
            return
        data = b"".join(row.packed or b"" for row in covered)
        if len(covered) == seal.covers and sealer.holds(data, bytes(seal.mac)):
            self._sealed.update(row.id for row in covered)


def _finding(row: sa.Row[Any]) -> Finding:
    sentence = "no seal of this program covers it as it is: somebody else wrote or altered it, or took its seal away"
    size = None if row.log_index is None else row.log_index + 1
    return Finding(f"movement {row.id}", sentence, RESTORE, size, row.at_ms)


# What was dismissed is part of the run that it was sealed in.
_MOVEMENTS = sa.text(f"""
    SELECT m.id, m.at_ms, e.index AS log_index, s.movement_id IS NOT NULL AS is_aside,
        {PACKED} AS packed
    FROM (
        SELECT * FROM movements
        UNION ALL SELECT (jsonb_populate_record(CAST(NULL AS movements), dismissed)).* FROM set_aside
            WHERE dismissed_ms IS NOT NULL AND dismissed ->> 'id' = movement_id::text
    ) m
    LEFT JOIN set_aside s ON s.movement_id = m.id LEFT JOIN log_entries e ON e.movement_id = m.id ORDER BY m.id
""")  # noqa: S608 (our own text)
_SEALS = sa.text("SELECT first_id, count AS covers, mac FROM seals ORDER BY first_id")

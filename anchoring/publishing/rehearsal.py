"""The rehearsal: decisions, with all that rests on them, replayed as a witness replays them, before anything is signed.

What the database says of decisions is not asked: whoever owns its tables can make another stand for one that he hid.
The log so far is followed by its files. A batch is taken on top of it; what is faulty in it is named and was never
taken. Two followings are kept, one of what was published alone, so that a batch that is not signed leaves no trace.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy

from anchoring.decisions.following import Following
from anchoring.publishing.copying import Rows
from anchoring.publishing.doubts import code_of
from anchoring.publishing.published import Published, Stretch
from anchoring.tree.documents import records_among
from registry.evidence.public import Document, RecordLeaf


class Rehearsal:
    """What the decisions of one log made, as far as its leaves were given."""

    def __init__(self) -> None:
        """Begin before the first leaf."""
        self._published = Following()
        self._ahead: Following | None = None
        self._rehearsed: Rows | None = None
        """The batch that `_ahead` has beside what was published."""

    def take(self, log: Published, leaves: Rows) -> None:
        """Take in the leaves (`LEAF_DTYPE`) that come next in the published log.

        Raises as `Published.documents` does; then this is good for nothing any more. What is faulty in what was
        published is for those who cosign.
        """
        start = self._published.size
        documents = ((found.leaf, found) for found in log.documents(leaves, start))
        for _ in self._published.take(Stretch(log, start, leaves), documents):
            pass
        if self._rehearsed is None or self._rehearsed.tobytes() != leaves.tobytes():
            self._ahead = None
        self._rehearsed = None

    def faults(self, log: Published, leaves: Rows, lines: Mapping[int, bytes]) -> dict[int, int]:
        """Say which of these leaves, that are to come next, no witness would cosign: place -> number of a rule.

        `lines` are the documents of the records among them, by index. Of leaves that are all lawful the next may be
        asked right after.
        """
        ahead = self._ahead if self._ahead is not None and self._rehearsed is None else deepcopy(self._published)
        self._ahead, self._rehearsed = None, None
        found = {
            fault.leaf - log.size: code_of(fault.rule)
            for fault in ahead.take(Stretch(log, log.size, leaves), _documents(leaves, log.size, lines))
        }
        if not found:
            self._ahead, self._rehearsed = ahead, leaves
        return found


def _documents(leaves: Rows, start: int, lines: Mapping[int, bytes]) -> Iterator[tuple[RecordLeaf, Document]]:
    """Read the documents of a batch, which are what their leaves bind."""
    for record in records_among(leaves, start):
        yield record, Document(record, json.loads(lines[record.index])["fields"])

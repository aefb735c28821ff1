"""Holds every signed checkpoint that was seen anywhere against one history of the log, which grows meanwhile."""

import time
from collections.abc import Iterable
from typing import Any, Final

from anchoring.errors import AnchoringError, Malformed, Refuted
from anchoring.monitor.case import Case
from anchoring.monitor.copying import Split, out_of_time
from anchoring.monitor.evidence import split_view
from anchoring.monitor.memory import MAX_NOTES, Pending
from anchoring.monitor.sightings import Sighting

ROUND_S: Final = 3600
"""For the leaves of one round; a log that gives them slower than that is a log that is down."""


def compare_all(case: Case, log: Sighting | None, seen: Iterable[Sighting], now_ms: int) -> None:
    """Follow the log as far as it goes, or as anybody saw it go, and compare; what is ahead of it waits.

    `log` is what the log itself shows, None when it shows nothing. Raises Unreachable when our disk fails.
    """
    waiting = [case.read(one.note.encode(), one.where) for one in case.memory.pending]
    case.memory.pending = []
    if log is not None:
        _follow(case, log, now_ms, is_log=True)
    others = {(one.tree.size, one.tree.root): one for one in (*waiting, *seen)}
    largest_first = sorted(others.values(), key=lambda one: -one.tree.size)
    # Only the largest is tried: a log that signs many trees and serves none must not hold us for each.
    for one in largest_first[:1]:
        _follow(case, one, now_ms, is_log=False)
    for one in largest_first[1:]:
        if one.tree.size <= case.copy.size:
            _compare(case, one)
        else:
            _wait(case, one)
    _compare_waiting(case)


def _follow(case: Case, seen: Sighting, now_ms: int, *, is_log: bool) -> None:
    """Compare one checkpoint, or make our tree grow to it; the log's own must be served."""
    if seen.tree.size <= case.copy.size:
        is_ours = _compare(case, seen)
        if is_log and is_ours and seen.tree.size < case.copy.size:
            sentence = f"it shows {seen.tree.size} leaves, and {case.copy.size} were seen before"
            case.alert("went-back", "", sentence)
        return
    if seen.tree.size > case.config.max_leaves:
        sentence = f"{seen.tree.size} leaves are signed; {case.config.max_leaves} are followed at most"
        case.alert("too-large", seen.where, sentence)
        _wait(case, seen)
        return
    until = time.monotonic() + ROUND_S

    def check_time() -> None:
        if time.monotonic() > until:
            raise out_of_time(ROUND_S)

    try:
        case.copy.advance(seen, now_ms, check_time)
    except Split as split:
        _keep(case, seen, split_view(case.own_note, seen.signed, split.prefix))
    except AnchoringError as error:
        if is_log:
            case.alert("files" if isinstance(error, Refuted | Malformed) else "log-unreachable", "", error)
        _wait(case, seen)


def _compare(case: Case, seen: Sighting) -> bool:
    """Hold a checkpoint that is no larger than our tree against it; whether it is ours."""
    size = seen.tree.size
    if case.copy.root_at(size) == seen.tree.root:
        case.copy.remember(seen)
        return True
    if size and not case.keeping.wants(_name(seen)):
        return False
    same_size = next((kept.encode() for kept_size, kept in case.memory.notes if kept_size == size), None)
    if same_size is not None:
        _keep(case, seen, split_view(same_size, seen.signed, None))
    elif size:
        prefix = case.copy.prefix(size, case.read(case.own_note))
        _keep(case, seen, split_view(seen.signed, case.own_note, prefix))
    else:
        case.alert("checkpoint", seen.where, "it signs a root of no leaves that no leaves have")
    return False


def _keep(case: Case, seen: Sighting, said: dict[str, Any]) -> None:
    sentence = f"seen at {seen.where}: another history, of {seen.tree.size} leaves with the root {seen.tree.root.hex()}"
    case.keeping.keep(_name(seen), said, sentence)


def _name(seen: Sighting) -> str:
    return f"split-view-{seen.tree.size}-{seen.tree.root.hex()[:16]}"


def _wait(case: Case, seen: Sighting) -> None:
    """Keep a checkpoint that is ahead of the log until the log is there; the largest, when there are too many."""
    if seen.where != "the log":
        sentence = f"a tree of {seen.tree.size} leaves is signed, and the log gives {case.copy.size}"
        case.alert("ahead", seen.where, sentence)
    signed = seen.signed.decode()
    if len(case.memory.pending) < MAX_NOTES and all(kept.note != signed for kept in case.memory.pending):
        case.memory.pending.append(Pending(note=signed, where=seen.where))


def _compare_waiting(case: Case) -> None:
    """Two that wait may contradict each other already."""
    by_size: dict[int, Sighting] = {}
    for kept in case.memory.pending:
        one = case.read(kept.note.encode(), kept.where)
        other = by_size.setdefault(one.tree.size, one)
        if other.tree.root != one.tree.root:
            _keep(case, one, split_view(other.signed, one.signed, None))

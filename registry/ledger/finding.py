"""What a comparison of things that should agree finds: where, what, since when, and what to do. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree.

    `place` is such as `leaf 7`, `lot 2` or `tile/0/000`; `size` the first size of the log whose tree holds it and
    `at_ms` its time (Unix milliseconds), each None when it has none. A loss is what a recovery could not bring back:
    known, listed, and no fault.
    """

    place: str
    sentence: str
    remedy: str
    size: int | None = None
    at_ms: int | None = None
    is_loss: bool = False

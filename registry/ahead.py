"""The next of what is made, made while the one before is sent: the processor works while the database does."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Made = TypeVar("Made")
_END: Final = object()


def ahead(made: Iterable[Made]) -> Iterator[Made]:
    """Give what is made, one ahead of whoever takes it, by another thread; that uses no connection."""
    coming = iter(made)
    with ThreadPoolExecutor(1) as other:
        waits = other.submit(next, coming, _END)
        while (one := waits.result()) is not _END:
            waits = other.submit(next, coming, _END)
            yield one  # type: ignore[misc]  # it is not the end

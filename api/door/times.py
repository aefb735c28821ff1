"""Times in bodies and answers: RFC 3339 to the millisecond, one way of writing."""

from registry.clock import rfc3339
from registry.errors import Invalid
from registry.procedure.fields import Unreadable, moment


def read_time(text: str) -> int:
    """Read a time as Unix milliseconds. Raises `Invalid`."""
    try:
        return moment(text)
    except Unreadable as error:
        raise Invalid(f"A time {error}.") from None


def maybe_time(text: str | None) -> int | None:
    """Read a time that may be left out."""
    return None if text is None else read_time(text)


def shown_time(at: int | None) -> str | None:
    """Write a time, Unix milliseconds, that there may be none of."""
    return None if at is None else rfc3339(at)

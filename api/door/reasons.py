"""A reason is a word, so that it can stand in a public document and be counted."""

from registry.errors import Invalid
from registry.procedure.fields import Unreadable, word


def read_reason(text: str) -> str:
    """Read a reason. Raises `Invalid`."""
    try:
        return word(text)
    except Unreadable as error:
        raise Invalid(f"A reason is a word, and this {error}.") from None

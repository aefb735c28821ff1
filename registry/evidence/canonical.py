"""RFC 8785 form of JSON values, written fast where that is simple: a replay hashes some twenty fields a decision."""

from json.encoder import encode_basestring
from typing import Any

import rfc8785

_EXACT = 2**53
"""Below it, and above its negative, ECMAScript writes a whole number as we do, in decimal digits (section 3.2.2.3)."""


def canonical(value: Any) -> bytes:
    """Write a JSON value in RFC 8785 form.

    Raises ValueError for what it has not (numbers, lone surrogates, other types), RecursionError for endless depth.
    """
    return canonical_text(value).encode()


def canonical_text(value: Any) -> str:
    """Write a JSON value in RFC 8785 form, as text; a lone surrogate is still in it."""
    # Strings, lists, and objects with ASCII names are simple; numbers, and order by UTF-16, are left to the library.
    if type(value) is str:
        # JSON's own escapes are those of RFC 8785, section 3.2.2.2; a lone surrogate has no UTF-8.
        return encode_basestring(value)
    if type(value) is int and -_EXACT < value < _EXACT:
        return str(value)
    if type(value) is list:
        return f"[{','.join([encode_basestring(one) if type(one) is str else canonical_text(one) for one in value])}]"
    if type(value) is dict and all(type(name) is str and name.isascii() for name in value):
        members = [
            f"{encode_basestring(name)}:{encode_basestring(one) if type(one) is str else canonical_text(one)}"
            for name, one in sorted(value.items())
        ]
        return f"{{{','.join(members)}}}"
    return str(rfc8785.dumps(value), "utf-8")

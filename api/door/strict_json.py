"""JSON from outside, read so that no two readers can understand it differently (RFC 8259 leaves that open).

Every body and every token goes through here. What is refused: a member that stands twice, whatever escapes it is
written with; NaN and infinities; numbers that overflow; lone surrogates; a byte order mark; other encodings than UTF-8.
"""

import json
import math
from typing import Any, NoReturn

MAX_DEPTH = 32
"""Levels of lists and objects. Nothing that is asked here has more than eight."""


class NotStrict(ValueError):
    """It is no JSON, or not read the same by everybody. Its message says why, and repeats nothing of the text."""


def read(data: bytes) -> Any:
    """Read one JSON text. Raises `NotStrict`."""
    try:
        value = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
    except NotStrict:
        raise
    except UnicodeDecodeError:
        raise NotStrict("it is not UTF-8") from None
    except RecursionError:
        raise NotStrict(_TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise NotStrict(f"it is no JSON at character {error.pos}") from None
    except ValueError:  # the interpreter's own bound on digits
        raise NotStrict("a number has too many digits") from None
    _check(value, MAX_DEPTH)
    return value


_TOO_DEEP = f"it is nested more than {MAX_DEPTH} deep"


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise NotStrict("a member stands twice")
    return found


def _constant(_name: str) -> NoReturn:
    raise NotStrict("NaN and infinity are no numbers of JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotStrict("a number is too large")
    return number


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list | dict):
        if not depth:
            raise NotStrict(_TOO_DEEP)
        for name in value if isinstance(value, dict) else ():
            _check_text(name)
        for inner in value.values() if isinstance(value, dict) else value:
            _check(inner, depth - 1)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotStrict("a text has half of a surrogate pair") from None

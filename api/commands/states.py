"""What `gram verify` says of a state proof: the state of each part of the grams, as of when."""

import re
from typing import TYPE_CHECKING, Any, Final

from registry.clock import rfc3339, wall_clock
from registry.ledger.movement import Flag, Form, Kind, Purpose, serial

if TYPE_CHECKING:
    from anchoring.state.verify import Part, StateVerification

_GRAMS: Final = re.compile(r"(?:SHCER-)?([0-9]{1,20})(?:-([0-9]{1,20}))?")
VERDICTS: Final = {
    "holds": "Proven: at that size of the log these grams had this state, and no other.",
    "partly": "Proven in part, not every step was asked for (–): at that size of the log these grams had this state.",
    "refuted": "False: do not rely on this state proof.",
    "another-log": "Not checked: this state proof is of another log than the key's.",
    "unchecked": "Not proven: something could not be checked.",
}


def read_grams(text: str) -> tuple[int, int]:
    """Read `12`, `12-99` or `SHCER-12-99`, last gram included, as the range `[first, last)`. Raises Malformed."""
    from anchoring.errors import Malformed

    match = _GRAMS.fullmatch(text)
    first = int(match[1]) if match else 0
    last = int(match[2] or match[1]) + 1 if match else 0
    if not first < last < 2**64:
        raise Malformed("--grams takes one gram's number, or the first and the last as in SHCER-0-99.")
    return first, last


def state_lines(done: "StateVerification") -> list[str]:
    """Write for a person what was proven of which grams; nothing if it does not hold."""
    if done.as_of is None or not done.parts or done.outcome != "holds":
        return []
    at, size = done.as_of
    return [f"As of {wall_clock(at)}, size {size}:", *(f"  {_part_line(part)}" for part in done.parts)]


def _part_line(part: "Part") -> str:
    if part.last is None:
        return f"from gram {part.first} on: not issued"
    into = "" if part.into is None else f" into {serial(*part.into)}"
    said = f"{serial(part.first, part.last)} ({part.last - part.first} g): {part.state}{into}"
    if part.movement is None:
        return said
    told = _told(part)
    form = [told["form"]] if part.into is None else []  # gathered grams have not ended: they go on
    words = [*form, f"by {told['kind']}", *([told["purpose"]] if told["purpose"] else []), *told["flags"]]
    return f"{said}, {', '.join(words)}, leaf {part.index}"


def state_json(done: "StateVerification") -> dict[str, Any]:
    """Give what was proven as JSON; numbers of grams and leaves are integers."""
    at, size = done.as_of or (None, None)
    parts = done.parts if done.outcome == "holds" else ()
    return {
        "as_of": None if at is None else rfc3339(at),
        "size": size,
        "parts": [
            {
                "first_g": part.first,
                "end_g": part.last,
                "state": part.state,
                "gathered_into": None if part.into is None else {"first_g": part.into[0], "end_g": part.into[1]},
                "leaf": part.index,
                **_told(part),
            }
            for part in parts
        ],
    }


def _told(part: "Part") -> dict[str, Any]:
    movement = part.movement
    if movement is None:
        return {"kind": None, "form": None, "flags": [], "purpose": None}
    return {
        "kind": Kind(movement.kind).name if movement.kind in set(Kind) else str(movement.kind),
        "form": Form(movement.form).name.lower() if movement.form in set(Form) else str(movement.form),
        "flags": [flag.name for flag in Flag if flag.name and movement.flags & flag],
        "purpose": _purpose(movement.purpose),
    }


def _purpose(code: int) -> str | None:
    if not code:
        return None
    return Purpose(code).name.lower().replace("_", " ") if code in set(Purpose) else str(code)

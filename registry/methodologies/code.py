"""The code of a published methodology, `SHCER02020032024II`, read by its grammar.

SHCER, type (01 project, 02 scenario), field (2 digits), sequence in the field (3), year (4), class (I or II).
The grammar is read off the published codes; no text that defines it is public.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from registry.errors import Invalid

_GRAMMAR = re.compile(r"SHCER(0[12])([0-9]{2})([0-9]{3})(20[0-9]{2})(I{1,2})")


class SourceKind(StrEnum):
    """What a methodology is for: a project (减排项目), a scenario (减排场景) or a behaviour (行为场景).

    Of a behaviour's code no grammar is known.
    """

    PROJECT = "project"
    SCENARIO = "scenario"
    BEHAVIOUR = "behaviour"


class MethodologyClass(StrEnum):
    """Class I or II; it decides what the reductions may be used for (measure, article 29)."""

    I = "I"  # noqa: E741 - the rule text's own name
    II = "II"


@dataclass(frozen=True, slots=True)
class MethodologyCode:
    """The parts of a code: `field` and `sequence` are small integers, `year` is that of publication."""

    kind: SourceKind
    field: int
    sequence: int
    year: int
    methodology_class: MethodologyClass

    def __str__(self) -> str:
        kind = "01" if self.kind is SourceKind.PROJECT else "02"
        return f"SHCER{kind}{self.field:02}{self.sequence:03}{self.year:04}{self.methodology_class}"


def parse_code(text: str) -> MethodologyCode:
    """Read a methodology's code. Raises `Invalid` when it does not follow the grammar."""
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise Invalid(f"{text[:40]!r} is not a methodology code such as SHCER02020032024II.")
    kind, field, sequence, year, methodology_class = match.groups()
    return MethodologyCode(
        SourceKind.PROJECT if kind == "01" else SourceKind.SCENARIO,
        int(field),
        int(sequence),
        int(year),
        MethodologyClass(methodology_class),
    )

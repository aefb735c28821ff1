"""Officers of a demonstration and of measurements: three of each authority, who are numbers and nobody else."""

from collections.abc import Mapping
from typing import Final

from registry.decisions.recording import Officers
from registry.procedure.decision import Officer


def _three(authority: str) -> Officers:
    return Officers(*(Officer(authority, number) for number in (1, 2, 3)))


OFFICERS: Final[Mapping[str, Officers]] = {name: _three(name) for name in ("bureau", "centre", "exchange")}
BUREAU, CENTRE = OFFICERS["bureau"], OFFICERS["centre"]

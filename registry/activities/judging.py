"""Files of activities to grams: read as a profile declares, every row judged, and what stands handed back.

Nothing here touches the registry's database, but for what is asked through `Known`. The same file, profile, terms and
knowledge give the same outcome, on every machine. What is judged lies in files and an engine of its own while it is: a
million rows need no more memory than the engine is allowed.
"""

# mypy: disable-error-code="import-untyped"
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import ibis
from ibis.backends import BaseBackend

from registry.activities.judged import Judged, judged_of
from registry.activities.judgement.known import Known
from registry.activities.judgement.stages import Stages
from registry.activities.profiles.fitting import fit
from registry.activities.profiles.profile import Profile
from registry.activities.reading.reading import read_file
from registry.engine.backend import engine
from registry.engine.typed import Program
from registry.methodologies.record import Window
from registry.policies.activities import FileLimits, Risk

MEMORY: Final = "1GB"
"""What the engine may hold; beyond, it writes to its folder."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What activities are judged by.

    The methodology's computation, the windows in which an activity must wholly lie (the source's, the methodology's),
    the limits on files, the rules of this kind of activity, and the day of issuance.
    """

    program: Program
    windows: tuple[Window, ...]
    limits: FileLimits
    risk: Risk
    issued: date


def judge_file(path: Path, profile: Profile, terms: Terms, known: Known = Known()) -> Judged:  # noqa: B008 - immutable
    """Read and judge the file at `path`.

    Raises `Invalid` for a file that is unreadable as a whole, and for a profile that does not fit the methodology.
    """
    feds = fit(profile, terms.program, terms.risk)
    with tempfile.TemporaryDirectory(prefix="judging-") as name:
        folder = Path(name)
        read = read_file(path, folder, profile, terms.limits)
        with _engine(folder) as backend:
            stages = Stages(backend, profile, feds, terms.program, terms.windows, terms.risk, terms.issued, known)
            return judged_of(stages.run(read.path), read, profile, terms.risk, terms.program)


@contextmanager
def _engine(folder: Path) -> Iterator[BaseBackend]:
    running = ibis.duckdb.connect(memory_limit=MEMORY, temp_directory=str(folder / "spill"))
    try:
        with engine(running) as backend:
            yield backend
    finally:
        running.disconnect()


def names_in(path: Path, profile: Profile, limits: FileLimits) -> list[str]:
    """List whom a file names, in the order of the alphabet. Raises `Invalid` for a file that cannot be read."""
    import pyarrow.parquet as pq

    from registry.activities.judgement.typed import is_name
    from registry.activities.reading.reading import TEXT

    with tempfile.TemporaryDirectory(prefix="judging-") as name:
        read = read_file(path, Path(name), profile, limits)
        if profile.who is None:
            return []
        column = profile.of(profile.who.column)
        if column.constant is not None:
            return [column.constant]
        named = pq.read_table(read.path, columns=[TEXT + column.name])[TEXT + column.name].unique().to_pylist()
    return sorted(name for name in named if name is not None and name not in profile.missing and is_name(name, column))

"""The records that ship with the project (`records/<id>.v<version>.json`), read once and checked."""

from functools import cache
from importlib.resources import files

from registry.errors import Invalid, NotFound
from registry.methodologies.record import Methodology, parse


@cache
def shipped() -> tuple[Methodology, ...]:
    """Read every record, by id and version. Raises `Invalid` when one is not well formed or is misnamed."""
    found = []
    for entry in sorted((files(__package__) / "records").iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".json"):
            continue
        record = parse(entry.read_bytes())
        if entry.name != f"{record.id}.v{record.version}.json":
            raise Invalid(f"The record file {entry.name} holds {record.id} version {record.version}.")
        found.append(record)
    return tuple(sorted(found, key=lambda record: (record.id, record.version)))


def find(key: str, version: int | None = None) -> Methodology:
    """Find a record by its code or id, the newest version unless one is named. Raises `NotFound`."""
    matching = [record for record in shipped() if key in (record.code, record.id) and version in (None, record.version)]
    if not matching:
        raise NotFound(f"No methodology {key!r} ships in version {version or 'any'}.")
    return matching[-1]

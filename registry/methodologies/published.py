"""Methodologies as they were published, in the database."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.database.schema import methodologies
from registry.errors import Invalid
from registry.methodologies.record import Methodology, digest, parse, to_document


def row_of(methodology: Methodology) -> dict[str, object]:
    """Give a methodology's row in the table of those that are published."""
    return {
        "code": methodology.key,
        "version": methodology.version,
        "class": str(methodology.methodology_class),
        "status": str(methodology.status),
        "record": to_document(methodology),
        "digest": digest(methodology),
    }


def return_methodology(tx: sa.Connection, definition: bytes, sha256: str) -> None:
    """Have a methodology again that is on record and was lost. Raises `Invalid` for a definition of another."""
    methodology = parse(definition)
    if digest(methodology).hex() != sha256 or methodology.methodology_class is None:
        raise Invalid("This is not the methodology that was published.")
    tx.execute(insert(methodologies).values(row_of(methodology)).on_conflict_do_nothing())

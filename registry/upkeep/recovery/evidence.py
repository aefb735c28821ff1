"""Evidence documents that were lost with a database and turn up again: taken back if they have their digest."""

import json
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.database.schema import evidence
from registry.decisions.returning import read_decision
from registry.errors import Invalid
from registry.evidence.document import Fields, digest, verify
from registry.issuance.returned import return_facts
from registry.ledger.documents import parted
from registry.ledger.movement import Kind
from registry.sources.returned import facts_of, lacking, return_source

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Of one file of documents, some hundred thousand; more of them come in several files."""
PERSONAL: Final = ("holder", "beneficiary", "statement", "reference")
"""Fields that are words of a person, where a person gave or received; they go when the person is erased."""


def read_documents(data: bytes) -> list[Any]:
    """Read a file: one document, or a list of them. Raises `Invalid` when it is neither."""
    if len(data) > MAX_FILE_BYTES:
        raise Invalid(f"A file of documents has at most {MAX_FILE_BYTES} bytes; give them in several.")
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        raise Invalid("The file is no JSON. It is to be a document as it was shown, or a list of them.") from None
    documents = said if isinstance(said, list) else [said]
    # What the interface answers wraps the document; both are taken.
    return [one["fields"] if isinstance(one, dict) and set(one) == {"digest", "fields"} else one for one in documents]


def give_back(tx: sa.Connection, vault: Vault, document: Fields) -> bool:
    """Take a document back; False when none is missing that has its digest, or it must wait (`awaited`)."""
    found = _digest(document)
    row = _missing(tx, document, found)
    if row is None or _awaited(tx, document, row):
        return False
    is_of_person = row.giver_kind == "individual" or (row.giver_kind is not None and row.holder_kind == "individual")
    personal = [name for name in PERSONAL if isinstance(document.get(name), list)] if is_of_person else []
    about = row.giver_id if row.giver_kind == "individual" else row.account_id
    withheld = () if row.public is None else _withheld(json.loads(row.public))
    fields, sealed = parted(vault, document, {*personal, *withheld})
    values = {"fields": fields, "sealed": sealed, "personal": personal, "account_id": about if personal else None}
    tx.execute(sa.update(evidence).where(evidence.c.digest == found).values(values))
    if row.kind == Kind.ISSUE and (facts := _told(document, _LOT_FACTS)):
        return_facts(tx, row.first_g, facts)
    elif (source := _source(tx, document, row)) and return_source(tx, source):
        _return_lots(tx)
    return True


def awaited(tx: sa.Connection, document: Fields) -> str | None:
    """Say what a missing document waits for: a source does not come back before its applicant and its methodology.

    Taken without them it would be missing no more, and its source never come back.
    """
    row = _missing(tx, document, _digest(document))
    return None if row is None else _awaited(tx, document, row)


def _withheld(public: Fields) -> set[str]:
    return {name for name, shown in public.items() if isinstance(shown, str)}


def _digest(document: Fields) -> bytes | None:
    try:
        return digest(document)
    except (ValueError, TypeError, AttributeError, IndexError, RecursionError):
        return None


def _missing(tx: sa.Connection, document: Fields, found: bytes | None) -> sa.Row[Any] | None:
    if found is None:
        return None
    row = tx.execute(_LOST, {"digest": found}).one_or_none()
    return row if row is not None and verify(document, found) else None


def _awaited(tx: sa.Connection, document: Fields, row: sa.Row[Any]) -> str | None:
    source = _source(tx, document, row)
    return lacking(tx, source) if source else None


def _source(tx: sa.Connection, document: Fields, row: sa.Row[Any]) -> dict[str, Any] | None:
    """Say what an application tells of its source, the applicant included; None for any other document."""
    applicant, developer = (document.get(name) for name in ("applicant_id", "developer_id"))
    decision = read_decision(row.kind, document) if row.kind == Kind.SOURCE else None
    facts = None if decision is None else facts_of(tx, decision, document)
    if not facts or not isinstance(applicant, list):
        return None
    of = int(developer[1]) if isinstance(developer, list) else None
    return facts | {"applicant_id": int(applicant[1]), "developer_id": of}


def _return_lots(tx: sa.Connection) -> None:
    """Give lots their facts whose evidence came back before their source did."""
    for row in tx.execute(_WAITING).all():
        if facts := _told(row.fields, _LOT_FACTS):
            return_facts(tx, row.first_g, facts)


def _told(document: Fields, names: Sequence[str]) -> dict[str, Any]:
    """Give the values of some fields; nothing if one of them is withheld."""
    values = {name: document[name][1] for name in names if isinstance(document.get(name), list)}
    return values if len(values) == len(names) else {}


_LOT_FACTS = (
    "lot", "lot_first_g", "lot_end_g", "source", "methodology", "methodology_version", "period_from_ms",
    "period_until_ms", "inputs_sha256",
)  # fmt: skip
_WAITING = sa.text("""
    SELECT DISTINCT ON (l.id) m.first_g, e.fields FROM lots l
    JOIN movements m ON m.kind = 1 AND m.first_g >= l.first_g AND m.first_g < l.last_g
    JOIN evidence e ON e.digest = m.evidence WHERE l.is_lost AND e.fields IS NOT NULL
""")
_LOST = sa.text("""
    SELECT e.public, m.kind, m.first_g, m.giver_id, m.account_id, g.kind AS giver_kind, h.kind AS holder_kind
    FROM evidence e JOIN movements m ON m.evidence = e.digest
    LEFT JOIN accounts g ON g.id = m.giver_id LEFT JOIN accounts h ON h.id = m.account_id
    WHERE e.digest = :digest AND e.fields IS NULL LIMIT 1
""")

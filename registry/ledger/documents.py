"""Evidence as it is kept: what of it is personal or withheld is sealed beside it, and stands in it as its digest.

So whoever reads the database alone reads no more of a document than the log publishes; and an erasure, which deletes
what is sealed, leaves a document that still has the digest in its leaf.
"""

from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.errors import Unavailable
from registry.evidence.document import Fields, disclose, verify

_SEALED: Final = "evidence"


def parted(vault: Vault, fields: Fields, secret: Collection[str]) -> tuple[Fields, bytes | None]:
    """Part a document into what is kept in clear and, sealed, its shown fields of these names, if there are any."""
    kept = {name: shown for name, shown in fields.items() if name in secret and isinstance(shown, list)}
    if not kept:
        return fields, None
    return disclose(fields, fields.keys() - kept.keys()), vault.seal_json(_SEALED, kept)


def whole(vault: Vault, row: sa.Row[Any]) -> Fields | None:
    """Put a row of evidence, with its `fields` and `sealed`, together again; None for a document that was lost.

    Raises `Unavailable` when it was not sealed under this master key.
    """
    if row.fields is None:
        return None
    return {**row.fields, **(vault.open_json(_SEALED, row.sealed) or {})}


def holds(vault: Vault, row: sa.Row[Any], digest: bytes) -> bool:
    """Tell whether a row of evidence has this digest, with what of it is sealed."""
    try:
        fields = whole(vault, row)
    except (Unavailable, TypeError, ValueError):
        return False
    return verify(row.fields, digest) and verify(fields, digest)

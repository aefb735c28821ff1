"""Whether evidence has its digests and holders' keys make their tags: what binds the ledger to what is in no table.

Rows come by account and by digest, one at a time, so that memory does not grow with them.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from registry.accounts.vault import Vault, tag
from registry.errors import Unavailable
from registry.evidence.public import is_public
from registry.ledger.documents import holds
from registry.ledger.finding import Finding
from registry.upkeep.consistency import RESTORE

_BACKUP = "give it back from a backup: `gram recover evidence FILE`"
_MASTER = "restore the row from a backup; without the key this account's grams cannot move"


def check_evidence(tx: sa.Connection, vault: Vault) -> Iterator[Finding]:
    """Give every evidence document that does not have its digest, or no public form, and every movement without one."""
    for row in tx.execute(_EVIDENCE):
        if not holds(vault, row, bytes(row.digest)):
            yield Finding(f"evidence {row.digest.hex()}", "the document does not have this digest", RESTORE)
    for row in tx.execute(_PUBLIC):
        if not is_public(row.public, row.kind, bytes(row.evidence)):
            sentence = "what the log publishes of this record is gone, or its evidence does not bind it"
            yield Finding(f"movement {row.id}", sentence, RESTORE, _size(row.log_index), row.at_ms)
    for row in tx.execute(_LOST):
        place, is_loss = f"evidence {row.digest.hex()}", row.from_size is not None
        sentence = "the document was lost; its digest is known" if is_loss else "the document is gone"
        yield Finding(place, sentence, _BACKUP, _size(row.log_index), row.at_ms, is_loss)
    for row in tx.execute(_WITHOUT_EVIDENCE):
        yield Finding(f"movement {row.id}", "its evidence is gone", _BACKUP, _size(row.log_index), row.at_ms)


def check_holders(tx: sa.Connection, vault: Vault) -> Iterator[Finding]:
    """Give every movement whose new holder's key does not make its tag; those of erased accounts cannot be told."""
    for number in tx.execute(_KEYLESS).scalars():
        yield Finding(f"account {number}", "its key is gone, and it was not erased", _MASTER)
    number, key = 0, None
    for row in tx.execute(_ACQUISITIONS):
        if row.account_id != number:
            number, key = row.account_id, None
            try:
                key = vault.open(number, bytes(row.sealed))
            except Unavailable:
                yield Finding(f"account {number}", "its key was not sealed for it under this master key", _MASTER)
        if row.first_g is None or key is None or bytes(row.to_tag) == (row.lost_tag and bytes(row.lost_tag)):
            continue
        if tag(key, row.first_g, bytes(row.evidence)) != bytes(row.to_tag):
            sentence = "the key of its holder does not make its tag"
            yield Finding(f"movement {row.id}", sentence, RESTORE, _size(row.log_index), row.at_ms)


def _size(index: int | None) -> int | None:
    return None if index is None else index + 1


_EVIDENCE = sa.text("SELECT digest, fields, sealed FROM evidence WHERE fields IS NOT NULL")
_PUBLIC = sa.text("""
    SELECT m.id, m.kind, m.evidence, m.at_ms, e.public, l.index AS log_index FROM movements m
    JOIN evidence e ON e.digest = m.evidence LEFT JOIN log_entries l ON l.movement_id = m.id
    WHERE m.kind >= 64 ORDER BY m.id
""")
# Only what a recovery took out of the log may lack its document.
_LOST = sa.text("""
    SELECT e.digest, l.index AS log_index, m.at_ms, r.from_size FROM evidence e
    LEFT JOIN movements m ON m.evidence = e.digest
    LEFT JOIN log_entries l ON l.movement_id = m.id
    LEFT JOIN recoveries r ON l.index >= r.from_size AND l.index < r.size
    WHERE e.fields IS NULL ORDER BY l.index
""")
_WITHOUT_EVIDENCE = sa.text("""
    SELECT m.id, m.at_ms, l.index AS log_index FROM movements m LEFT JOIN evidence e ON e.digest = m.evidence
    LEFT JOIN log_entries l ON l.movement_id = m.id WHERE e.digest IS NULL ORDER BY m.id
""")
_KEYLESS = sa.text("""
    SELECT a.id FROM accounts a LEFT JOIN account_keys k ON k.account_id = a.id
    WHERE k.account_id IS NULL AND a.erased_ms IS NULL AND a.lost_tag IS NULL ORDER BY a.id
""")
# A refund gives the tag of an earlier acquisition back, and the rules hold it to that one.
_ACQUISITIONS = sa.text("""
    SELECT k.account_id, k.sealed, a.lost_tag, m.id, m.first_g, m.to_tag, m.evidence, m.at_ms, l.index AS log_index
    FROM account_keys k LEFT JOIN accounts a ON a.id = k.account_id
    LEFT JOIN movements m ON m.account_id = k.account_id AND m.to_tag <> m.from_tag AND m.kind <> 5
    LEFT JOIN log_entries l ON l.movement_id = m.id ORDER BY k.account_id, m.id
""")

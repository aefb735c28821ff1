"""Claims to what an unknown holder acquired: settled by a person, on record."""

import sqlalchemy as sa

from registry.accounts.accounts import checked_name
from registry.accounts.vault import seal_name
from registry.errors import HolderKnown
from registry.ledger.ledger import Ledger
from registry.ledger.movement import Kind
from registry.ledger.posting import Facts, record


def recognise(tx: sa.Connection, ledger: Ledger, number: int, name: str, claim_sha256: bytes) -> None:
    """Make an account that stands for an unknown holder the account of `name`, with a key of its own.

    The decision, the tag it is about and the digest of what proved the claim go into the log; the name does not. The
    tag stays what it was: the key that made it is gone. Raises `HolderKnown` when the account stands for
    nobody unknown.
    """
    row = tx.execute(_UNKNOWN, {"number": number}).one_or_none()
    if row is None:
        raise HolderKnown(f"Account {number} does not stand for an unknown holder; `gram fsck` lists those that do.")
    key = ledger.vault.new_key(number)
    sealed_name = seal_name(ledger.vault.open(number, key), checked_name(name))
    tx.execute(_NAME, {"number": number, "name": sealed_name})
    tx.execute(_KEY, {"number": number, "sealed": key})
    # The tag is public, but not that its holder came back, and when.
    claim = {"tag": bytes(row.lost_tag).hex(), "claim_sha256": claim_sha256.hex()}
    facts = Facts({"decision": "holder recognised"}, claim, personal=("claim_sha256",), personal_of=number)
    record(tx, ledger.vault, Kind.HOLDER, ledger.clock(), facts)


_UNKNOWN = sa.text("""
    SELECT lost_tag FROM accounts a WHERE id = :number AND lost_tag IS NOT NULL AND erased_ms IS NULL
        AND NOT EXISTS (SELECT FROM account_keys WHERE account_id = a.id) FOR UPDATE
""")
_NAME = sa.text("UPDATE accounts SET name = :name WHERE id = :number")
_KEY = sa.text("INSERT INTO account_keys (account_id, sealed) VALUES (:number, :sealed)")

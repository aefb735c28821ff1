"""Subjects: who an issuer says is signing in, by a keyed digest; the words are sealed under the master key."""

from dataclasses import dataclass, field

import rfc8785
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.accounts.vault import Vault
from registry.database.schema import subjects
from registry.words import checked_words

MAX_ISSUER_CHARS = 500
MAX_SUBJECT_CHARS = 255
"""As OpenID Connect bounds a subject."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject of an issuer. Its words never show in its repr."""

    issuer: str = field(repr=False)
    name: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raise `Invalid` for words that cannot be kept."""
        checked_words(self.issuer, "An issuer", MAX_ISSUER_CHARS)
        checked_words(self.name, "A subject", MAX_SUBJECT_CHARS)

    def digest(self, vault: Vault) -> bytes:
        """Give the 32 bytes under which the registry knows it; without the master key nobody can try names out."""
        return vault.keyed_digest("subject", rfc8785.dumps([self.issuer, self.name]))


def know_subject(tx: sa.Connection, vault: Vault, subject: Subject, at: int) -> int:
    """Have a subject, and give its number."""
    digest = subject.digest(vault)
    sealed = vault.seal_words("subject", rfc8785.dumps([subject.issuer, subject.name]))
    row = insert(subjects).values(digest=digest, sealed=sealed, known_ms=at)
    # An update that changes nothing keeps an erasure from taking it away meanwhile.
    had = row.on_conflict_do_update(index_elements=["digest"], set_={"known_ms": subjects.c.known_ms})
    return int(tx.execute(had.returning(subjects.c.id)).scalar_one())

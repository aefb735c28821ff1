"""A lot computed again from the file that it was issued for: the same hash, the same grams, or which row differs.

The file is judged by what was in force when the lot was issued. What stands of it is held against the hash in the
published decision, and row by row against what was kept. Salts follow from accounts' keys, so it takes the master key;
whoever has none is given the lines, whose SHA-256 is the published one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from registry.activities.activities import reference_digests
from registry.activities.columns import Columns, columns_of
from registry.activities.judgement.known import Known, Link
from registry.activities.judging import judge_file
from registry.activities.profiles.profile import Profile
from registry.activities.profiles.shelf import find
from registry.database.schema import lots
from registry.decisions.recalled import last_decision
from registry.errors import NotFound
from registry.issuance.report import input_lines
from registry.issuance.reported import links_of, terms_of
from registry.ledger.ledger import Ledger
from registry.methodologies.published import published_record
from registry.procedure.decision import PREFIXES, Record
from registry.procedure.decision import Lot as LotTerms
from registry.sources.sources import get_source

MOST_SHOWN: Final = 100
"""Differences that are named; all are counted."""
_AT_ONCE: Final = 50_000


class Difference(NamedTuple):
    """An activity that the file and the lot do not have alike: its reference, and what is so."""

    reference: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What the file makes of a lot, beside what its decision published. Grams are whole; hashes are 32 bytes."""

    lot: int
    methodology: str
    profile: str
    published: bytes
    computed: bytes
    published_g: int
    computed_g: int
    published_count: int
    computed_count: int
    others: int
    """Rows of the file that stand by themselves and were not issued in this lot."""
    differing: int
    differences: Sequence[Difference]
    missing: int
    """Activities of the lot that the file does not have, or whose account was erased since."""

    @property
    def holds(self) -> bool:
        """Whether the lot is what the methodology makes of the file."""
        mine = (self.computed, self.computed_g, self.computed_count)
        return mine == (self.published, self.published_g, self.published_count) and self.differing == 0


Keep = Callable[[bytes], object]


def recompute_lot(tx: sa.Connection, ledger: Ledger, number: int, path: Path, keep: Keep | None = None) -> Recomputed:
    """Compute a lot again from the file at `path`; `keep` is given the lines whose SHA-256 the decision has.

    Raises `NotFound` for a lot that is not here, or whose facts were lost; `Invalid` for a file that cannot be read.
    """
    lot = tx.execute(sa.select(lots).where(lots.c.id == number, ~lots.c.is_lost)).one_or_none()
    decision = last_decision(tx, ledger.vault.sealer, f"{PREFIXES[Record.ISSUANCE]}{number}")
    if lot is None or decision is None or not isinstance(decision.content, LotTerms):
        raise NotFound(f"There is no lot {number} that was decided here.")
    profile = find(_profile_of(tx, lot.first_g))
    of = _judged(tx, ledger, lot, profile, path)
    kept = _kept(tx, number)
    digests = reference_digests(ledger.vault, lot.source_id, of.references)
    mine = np.array([digest in kept for digest in digests], bool)
    differences = list(_differences(of, digests, kept))
    keys = _keys(tx, ledger, set(of.account_ids[mine].tolist()))
    has_key = np.array([account in keys for account in of.account_ids.tolist()], bool) & mine
    hashed = sha256()
    for lines in input_lines(_picked(of, has_key), keys):
        hashed.update(lines)
        if keep is not None:
            keep(lines)
    terms = decision.content
    return Recomputed(
        lot=number,
        methodology=f"{lot.methodology_code} version {lot.methodology_version}",
        profile=f"{profile.id} {profile.version}",
        published=bytes.fromhex(terms.inputs_sha256),
        computed=hashed.digest(),
        published_g=terms.end_g - terms.first_g,
        computed_g=sum(of.grams[has_key].tolist()),
        published_count=terms.accepted,
        computed_count=int(has_key.sum()),
        others=len(of) - int(mine.sum()),
        differing=len(differences),
        differences=differences[:MOST_SHOWN],
        missing=terms.accepted - len(set(digests) & kept.keys()),
    )


def _judged(tx: sa.Connection, ledger: Ledger, lot: Any, profile: Profile, path: Path) -> Columns:
    """Judge a file as it was when the lot was issued, but for what was issued before: the lot itself would be that."""
    code, version, at = lot.methodology_code, lot.methodology_version, lot.issued_ms
    source = replace(get_source(tx, lot.source_id), methodology_code=code, methodology_version=version)
    then = replace(ledger, clock=lambda: at)
    terms, _ = terms_of(tx, then, source, published_record(tx, code, version))

    def find_links(names: Sequence[str]) -> list[Link]:
        consented = {
            bytes(row.user_digest): row.account_id for row in tx.execute(_CONSENTED, {"source": source.id, "at": at})
        }
        return links_of(tx, ledger.vault, profile, names, consented)

    judged = judge_file(path, profile, terms, Known(find_links)).of_platform(source.applicant_id)
    return columns_of(judged.activities) if len(judged.activities) else _nothing()


def _nothing() -> Columns:
    none = np.empty(0, np.int64)
    return Columns([], none, none, none, none, [])


def _profile_of(tx: sa.Connection, first_g: int) -> str:
    said: str | None = tx.execute(_PROFILE, {"first": first_g}).scalar_one_or_none()
    if said is None:
        raise NotFound("Of this lot no profile is known: it was issued for no file.")
    return said.split(" ")[0]


def _kept(tx: sa.Connection, lot: int) -> dict[bytes, tuple[int, int, int, int]]:
    rows = tx.execute(_KEPT, {"lot": lot})
    return {bytes(row.reference): (row.account_id, row.starts_ms, row.ends_ms, row.quantity_g) for row in rows}


def _differences(
    of: Columns, digests: Sequence[bytes], kept: Mapping[bytes, tuple[int, int, int, int]]
) -> Iterator[Difference]:
    columns = (of.account_ids, of.starts_ms, of.ends_ms, of.grams)
    each = zip(of.references, digests, zip(*(column.tolist() for column in columns), strict=True), strict=True)
    for reference, digest, found in each:
        before = kept.get(digest)
        if before is None or before == found:
            continue
        if before[0] != found[0]:
            yield Difference(reference, "归属的账户不同。", "It is another account's.")
        if before[1:3] != found[1:3]:
            yield Difference(reference, "起止时间不同。", "It begins or ends at another time.")
        if before[3] != found[3]:
            yield Difference(
                reference,
                f"签发 {before[3]} 克，按此文件为 {found[3]} 克。",
                f"Issued for {before[3]} g; by this file {found[3]} g.",
            )


def _picked(of: Columns, those: Any) -> Columns:
    columns = (of.account_ids, of.starts_ms, of.ends_ms, of.grams)
    references = pa.array(of.references, pa.string()).filter(pa.array(those)).to_pylist()
    accounts, starts, ends, grams = (column[those] for column in columns)
    return Columns(references, accounts, starts, ends, grams, [])


def _keys(tx: sa.Connection, ledger: Ledger, accounts: set[int]) -> dict[int, bytes]:
    keys: dict[int, bytes] = {}
    wanted = sorted(accounts)
    for start in range(0, len(wanted), _AT_ONCE):
        for row in tx.execute(_KEYS, {"accounts": wanted[start : start + _AT_ONCE]}):
            keys[row.account_id] = ledger.vault.open(row.account_id, row.sealed)
    return keys


_PROFILE = sa.text("""
    SELECT e.fields -> 'profile' ->> 1 FROM movements m JOIN evidence e ON e.digest = m.evidence
    WHERE m.kind = 1 AND m.first_g = :first
""")
_KEPT = sa.text("SELECT reference, account_id, starts_ms, ends_ms, quantity_g FROM activities WHERE lot_id = :lot")
_KEYS = sa.text("SELECT account_id, sealed FROM account_keys WHERE account_id = ANY (:accounts)")
_CONSENTED = sa.text("""
    SELECT user_digest, account_id FROM consents
    WHERE source_id = :source AND given_ms <= :at AND (revoked_ms IS NULL OR revoked_ms > :at)
""")

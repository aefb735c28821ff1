"""Releases: what an officer lets out of quarantine becomes a batch of no file, on its way to a lot of its own (R50)."""

import hashlib
from collections.abc import Collection

import sqlalchemy as sa

from registry.database.schema import batches as batches_table
from registry.database.schema import quarantine
from registry.errors import Conflict
from registry.issuance import batch as batches
from registry.issuance.batch import Batch, Work
from registry.issuance.quarantine import HeldState, refuse_who_refused, take_up
from registry.ledger.ledger import Ledger
from registry.procedure.decision import Officer


def begin_release(tx: sa.Connection, ledger: Ledger, numbers: Collection[int], by: Officer) -> Batch:
    """Make a batch of some that wait, which is proposed in an officer's name then. All of one source and profile.

    Raises `NotFound`, `Conflict`, `Invalid`.
    """
    found = take_up(tx, ledger.vault, numbers)
    refuse_who_refused(tx, found, by)
    profiles = tx.execute(_PROFILES, {"batches": [one.batch_id for one in found]}).scalars().all()
    if len({one.source_id for one in found}) > 1 or len(profiles) > 1:
        raise Conflict("A lot is of one source: release what is of another by itself.")
    times = [(one.starts_ms, one.ends_ms) for one in found if one.starts_ms is not None and one.ends_ms is not None]
    if len(times) < len(found):
        raise Conflict("Of some of these the account was erased: nobody is left to have the grams.")
    begin = min(starts for starts, _ in times)
    sha256 = hashlib.sha256(",".join(str(one.id) for one in found).encode()).digest()
    at = ledger.clock()
    row = {
        "source_id": found[0].source_id, "profile": profiles[0], "bytes": 0, "sha256": sha256,
        "digest": ledger.vault.keyed_digest("release", sha256), "period_from_ms": begin,
        "period_until_ms": max(begin + 1, *(ends for _, ends in times)), "begun_ms": at,
        "state": batches.State.JUDGED, "changed_ms": at, "work": Work.PROPOSE, "proposer": str(by), "is_release": True,
    }  # fmt: skip
    number = tx.execute(sa.insert(batches_table).values(row).returning(batches_table.c.id)).scalar_one()
    values = {"state": HeldState.RELEASING, "release_id": number}
    mine = quarantine.c.id == sa.any_(sa.bindparam("numbers"))
    tx.execute(sa.update(quarantine).where(mine).values(values), {"numbers": [one.id for one in found]})
    return batches.get_batch(tx, number)


_PROFILES = sa.text("SELECT DISTINCT profile FROM batches WHERE id = ANY (:batches)")

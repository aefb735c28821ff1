"""What a judgement rests on, as one digest: while it is the same, a file comes to the same, and is not judged anew.

It says no more than whether anything changed that could matter: who judges again errs on that side.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple

import sqlalchemy as sa

from registry.activities.profiles.profile import By, Profile
from registry.clock import in_shanghai
from registry.evidence.canonical import canonical
from registry.issuance.batch import Batch
from registry.ledger.ledger import Ledger
from registry.policies.policies import Policy
from registry.sources.sources import Source, standing_consents


def resting_on(
    tx: sa.Connection, ledger: Ledger, batch: Batch, source: Source, profile: Profile, policies: Sequence[Policy]
) -> str | None:
    """Digest what a batch is judged by and against, 64 hex digits; None where that is more than is looked at here.

    The file, the source and its methodology, the policies, the day, who consents, how much of the source was ever in
    quarantine, and, of all sources, which lot came last and how many accounts were erased: what was issued, and who was
    where, changes with these alone.
    """
    if profile.who is not None and profile.who.by is not By.USER:
        return None
    users = hashlib.sha256(b"".join(b"%b%d\0" % one for one in standing_consents(tx, source.id))).hexdigest()
    known = tx.execute(_KNOWN, {"source": source.id}).one()
    rests_on = [
        (batch.sha256 or b"").hex(),
        f"{profile.id} {profile.version}",
        [str(value) for value in astuple(source)],
        [policy.decision.hex() for policy in policies],
        in_shanghai(ledger.clock()).date().isoformat(),
        users,
        [str(known.last), str(known.erased), str(known.caught)],
    ]
    return hashlib.sha256(canonical(rests_on)).hexdigest()


# Lots take their numbers one after another, each when the one before it is committed.
_KNOWN = sa.text("""
    SELECT (SELECT max(first_g) FROM lots) AS last,
        (SELECT count(*) FROM accounts WHERE erased_ms IS NOT NULL) AS erased,
        (SELECT count(*) FROM quarantine WHERE source_id = :source) AS caught
""")

"""`gram recover`: replays the public log into a database that was set back, and publishes on from there.

Every step is whole or absent, and the next run goes on from what is there:

| we crash | what is there | the next run |
|---|---|---|
| while verifying | nothing | verifies |
| after numbers were moved on | a recovery that has begun | verifies, and does not move them again |
| between two batches | some leaves, with their index, not signed | verifies what is left, from there |
| before the checkpoint is taken over | all leaves | takes it over |
| after it | the database is where the log is | writes what the folder lacks |
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from anchoring.leaf import LEAF_SIZE, decode
from anchoring.publishing.publisher import Publisher
from anchoring.publishing.standing import Known, take_note
from anchoring.publishing.verified import Trust, Verified, verified
from anchoring.tree.sources import Source
from registry.database.engine import Database
from registry.ledger.ledger import Ledger
from registry.ledger.movement import Kind
from registry.upkeep.recovery.replay import Leaf, Replay, begin

BATCH = 2_048
"""Leaves in one transaction: half a second, and what a crash makes us do again."""


def _nothing(_step: str) -> None:
    """Take no notice of a step."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """How a recovery ended: the log's size before and after, and what it could not bring back."""

    before: int
    size: int
    lost_holders: int
    lost_lots: int
    lost_evidence: int
    lost_rules: int
    """Policies, methodologies and sources that are in the log and do not hold here: their documents lack something."""
    waiting: int
    """Movements that are recorded here and not in the log: they will be published next."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery works on: the database that was set back, and the publisher that is to go on from it."""

    database: Database
    ledger: Ledger
    publisher: Publisher
    on_step: Callable[[str], None] = _nothing
    """Told the name of each step as it is done; the crash tests stop the process there."""
    batch: int = BATCH


def recover(recovery: Recovery, source: Source, name: str, trust: Trust) -> Recovered:
    """Replay the log at `source`, called `name`, into the database.

    Nothing is written before all of it is verified. Raises `anchoring.errors.Refuted` when it is not this log, whole
    and lawful, and `registry.errors.OtherHistory` when something was written here after the backup.
    """
    transaction, on_step, clock = recovery.database.transaction, recovery.on_step, recovery.ledger.clock
    with verified(transaction, source, trust) as public:
        on_step("verified")
        size = public.checkpoint.size
        # Noted first: killed half-way, this database is to sign nothing, whoever answers at its next start.
        take_note(transaction, [Known(name, size, public.checkpoint.root)] if public.start < size else [])
        with transaction() as tx:
            before = int(tx.execute(_SIGNED).scalar_one())
            if before < size:
                begin(tx, recovery.ledger.vault, before, size, name, clock())
        on_step("begun")
        _replay(recovery, public)
        if before < size:
            with transaction() as tx:
                _take_over(tx, public, clock())
        on_step("taken over")
    recovery.publisher.rebuild()
    on_step("rebuilt")
    recovery.publisher.check()
    with transaction() as tx:
        return Recovered(before, size, **tx.execute(_LOSSES).one()._asdict())


def _replay(recovery: Recovery, public: Verified) -> None:
    size, batch, transaction = public.checkpoint.size, recovery.batch, recovery.database.transaction
    if public.start == size:
        return
    with transaction() as tx:
        replay = Replay(tx, recovery.ledger.vault)
    documents = public.documents()
    following = next(documents, None)
    for start, end in _batches(public, batch):
        data, texts = public.leaves(start, end).tobytes(), dict[int, str]()
        while following is not None and following[0] < end:
            texts[following[0]] = following[1]
            following = next(documents, None)
        cut = enumerate((data[at : at + LEAF_SIZE] for at in range(0, len(data), LEAF_SIZE)), start)
        with transaction() as tx:
            replay.write(tx, [Leaf(index, decode(one), one, texts.get(index)) for index, one in cut])
        recovery.on_step(f"leaves {start}")


def _batches(public: Verified, batch: int) -> Iterator[tuple[int, int]]:
    """Cut the leaves into batches, each a transaction: none of them ends within a run, and nor does the log."""
    start, size = public.start, public.checkpoint.size
    while start < size:
        end = min(size, start + batch)
        while public.leaves(end - 1, end)["kind"][0] == Kind.GATHER:
            end += 1
        yield start, end
        start = end


def _take_over(tx: sa.Connection, public: Verified, at: int) -> None:
    """Make the public checkpoint this database's own: it is what the next one grows from."""
    values = {
        "size": public.checkpoint.size,
        "root": public.checkpoint.root,
        "frontier": public.frontier_g,
        "ended": public.ended_g,
        "peaks": b"".join(public.peaks),
        "note": public.of_log.encode().decode(),
        "published": public.note.encode().decode(),
        "at": at,
    }
    for statement in _TAKE_OVER:
        tx.execute(statement, values)


_SIGNED = sa.text("SELECT size FROM log_head")
_TAKE_OVER = [
    sa.text(text)
    for text in (
        # What was signed here and not published: it is in the history of what was.
        """INSERT INTO publications (size, note, published_ms) SELECT size, note, :at FROM checkpoints
            ON CONFLICT DO NOTHING""",
        """INSERT INTO checkpoints (size, root, frontier_g, ended_g, peaks, note, signed_ms)
            VALUES (:size, :root, :frontier, :ended, :peaks, :note, :at)""",
        "INSERT INTO publications (size, note, published_ms) VALUES (:size, :published, :at)",
        "UPDATE log_head SET size = :size, published_size = :size",
        "UPDATE recoveries SET size = :size, finished_ms = :at WHERE finished_ms IS NULL",
    )
]
_LOSSES = sa.text("""
    SELECT (SELECT count(*) FROM accounts a WHERE lost_tag IS NOT NULL
            AND NOT EXISTS (SELECT FROM account_keys WHERE account_id = a.id)) AS lost_holders,
        (SELECT count(*) FROM lots WHERE is_lost) AS lost_lots,
        (SELECT count(*) FROM evidence WHERE fields IS NULL) AS lost_evidence,
        (SELECT count(*) FROM movements m JOIN evidence e ON e.digest = m.evidence,
                LATERAL (SELECT CAST(e.public AS jsonb)) d (said)
            WHERE m.kind IN (64, 65) AND said #>> '{to,1}' = 'published'
                    AND NOT EXISTS (SELECT FROM policies WHERE decision = m.evidence)
                    AND NOT EXISTS (SELECT FROM methodologies WHERE decision = m.evidence)
                OR m.kind = 66 AND said #>> '{from,1}' = 'none' AND NOT EXISTS (SELECT FROM sources
                    WHERE 'S-' || id = said #>> '{case,1}')) AS lost_rules,
        (SELECT count(*) FROM unsequenced) AS waiting
""")

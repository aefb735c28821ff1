"""Recognition without grams: what people did in a behaviour scenario (行为场景) that issues nothing, kept as theirs.

Nothing of it is in the log: it moves no gram, and a record would tell when somebody did something. A person sees their
own, and everybody how many there are of a scenario.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from registry.activities.activities import Activity, reference_digest
from registry.database.personal import columns_go
from registry.database.schema import recognised
from registry.decisions.recalled import case_deciding, last_decision
from registry.errors import DecisionRefused
from registry.ledger.ledger import Ledger
from registry.methodologies.published import decision_publishing
from registry.policies.behaviours import behaviours_at
from registry.procedure.decision import BEHAVIOUR, LIVE, PREFIXES, Record
from registry.procedure.standing import PUBLISHED
from registry.procedure.values import Switches
from registry.sources.sources import Source

_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class OfSource:
    """What is recognised of a source: how many acts, and grams where it is quantified; of an account, since when.

    The grams are what the acts saved by the methodology; nobody holds them. Times are Unix milliseconds.
    """

    source_id: int
    name_zh: str
    name_en: str
    acts: int
    quantity_g: int | None
    first_ms: int | None = None
    last_ms: int | None = None


def recognising(tx: sa.Connection, ledger: Ledger, source: Source) -> Switches | None:
    """Give the switches of a behaviour that issues nothing now; None of what issues. The policy is held."""
    if source.kind != BEHAVIOUR:
        return None
    switches = behaviours_at(tx, ledger, ledger.clock()).of(source.methodology_code)
    return None if switches.issues else switches


def recognise(
    tx: sa.Connection, ledger: Ledger, source: Source, batch_id: int, of: Sequence[Activity], switches: Switches
) -> tuple[int, int, int]:
    """Keep acts as recognised; what is kept already stays as it is. Gives acts, accounts and grams of what is new.

    The source must be locked. Raises `DecisionRefused` where an issuance could not be decided either.
    """
    _must_be_live(tx, ledger, source)
    acts, grams, accounts = 0, 0, set()
    for start in range(0, len(of), _AT_ONCE):
        rows = [
            {
                "source_id": source.id,
                "reference": reference_digest(ledger.vault, source.id, one.reference),
                "batch_id": batch_id,
                "account_id": one.account_id,
                "starts_ms": one.starts_ms,
                "ends_ms": one.ends_ms,
                "quantity_g": one.quantity_g if switches.quantified else None,
            }
            for one in of[start : start + _AT_ONCE]
        ]
        added = tx.execute(_KEEP.values(rows)).all()
        acts += len(added)
        grams += sum(row.quantity_g or 0 for row in added)
        accounts |= {row.account_id for row in added}
    return acts, len(accounts), grams


def of_account(tx: sa.Connection, account_id: int) -> list[OfSource]:
    """Give what is recognised of a person, by scenario."""
    return [OfSource(**row._mapping) for row in tx.execute(_OF_ACCOUNT, {"account": account_id})]  # noqa: SLF001


def of_everybody(tx: sa.Connection) -> list[OfSource]:
    """Give how much is recognised of each scenario: of nobody."""
    return [OfSource(**row._mapping) for row in tx.execute(_OF_ALL)]  # noqa: SLF001


def _must_be_live(tx: sa.Connection, ledger: Ledger, source: Source) -> None:
    """Hold a recognition to what an issuance is held to: a live source, a methodology that stands."""
    sealer, case = ledger.vault.sealer, f"{PREFIXES[Record.SOURCE]}{source.id}"
    published = decision_publishing(tx, source.methodology_code, source.methodology_version)
    methodology = None if published is None else case_deciding(tx, published)
    stands = {case: LIVE} if methodology is None else {case: LIVE, methodology: PUBLISHED}
    for number, wanted in stands.items():
        last = last_decision(tx, sealer, number)
        if last is None or last.to_state != wanted:
            raise DecisionRefused(f"{number} does not stand at {wanted}, so nothing is recognised by it now.")


_KEEP = insert(recognised).on_conflict_do_nothing().returning(recognised.c.account_id, recognised.c.quantity_g)
_OF_ACCOUNT = sa.text("""
    SELECT s.id AS source_id, s.name_zh, s.name_en, r.acts, r.quantity_g, r.first_ms, r.last_ms FROM sources s JOIN (
        SELECT source_id AS source, count(*) AS acts, CAST(sum(quantity_g) AS bigint) AS quantity_g,
            min(starts_ms) AS first_ms, max(ends_ms) AS last_ms
        FROM recognised WHERE account_id = :account GROUP BY source_id
    ) r ON r.source = s.id ORDER BY s.id LIMIT 500
""")
_OF_ALL = sa.text("""
    SELECT s.id AS source_id, s.name_zh, s.name_en, r.acts, r.quantity_g FROM sources s JOIN (
        SELECT source_id AS source, CAST(sum(CAST(summary ->> 'accepted' AS bigint)) AS bigint) AS acts,
            NULLIF(CAST(sum(CAST(summary ->> 'quantity_g' AS bigint)) AS bigint), 0) AS quantity_g
        FROM batches WHERE state = 'recognised' GROUP BY source_id
    ) r ON r.source = s.id ORDER BY s.id LIMIT 500
""")
ERASING = (columns_go(recognised, "account_id", "starts_ms", "ends_ms", "quantity_g"),)
"""That an act was recognised stays, so that it is not recognised again."""

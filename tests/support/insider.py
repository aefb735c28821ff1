"""Somebody who writes to the database as its owner, and the publisher that must not fall for it."""

# ruff: noqa: S608
import sqlalchemy as sa

from anchoring.publishing.publisher import Publisher
from anchoring.tree.folder import LogFolder
from registry.database.schema import movements
from registry.ledger.ledger import Amount
from registry.ledger.movement import Kind
from registry.points.points import convert
from tests.support.publishing import GATE, LOG, act, cosigning


class Insider:
    """Writes to the database as its owner; and the publisher that must not fall for it."""

    def __init__(self, scheme, owner, tmp_path):
        self.scheme, self.owner, self.refused = scheme, owner, {}
        self.folder = tmp_path / "log"
        self.publisher = Publisher(
            scheme.database.transaction,
            LogFolder(self.folder),
            LOG,
            cosigning([], scheme.clock),
            scheme.clock,
            GATE,
            on_refused=self.refused.update,
        )
        self.person, self.shop = scheme.person(), scheme.institution()
        scheme.issue({self.person: 1_000})
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, self.person, Amount(600))
        self.size = self.publisher.publish()

    def execute(self, statement: str, *, triggers: bool = True, **values):
        with self.owner.transaction() as tx:
            if not triggers:
                tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
            result = tx.execute(sa.text(statement), values)
            return result.all() if result.returns_rows else None

    def last(self, kind: Kind) -> int:
        return self.execute(f"SELECT max(id) FROM movements WHERE kind = {int(kind)}")[0][0]

    def copy(self, number: int, **changes) -> int:
        """Insert a copy of a movement, with some columns changed."""
        with self.owner.transaction() as tx:
            tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
            row = tx.execute(sa.select(movements).where(movements.c.id == number)).one()._asdict()
            values = {name: value for name, value in row.items() if name != "id"} | changes
            new = tx.execute(sa.insert(movements).values(**values).returning(movements.c.id)).scalar_one()
            tx.execute(sa.text("INSERT INTO unsequenced VALUES (:id)"), {"id": new})
            return int(new)

    def goes_on(self, *refused: int, others: int = 2) -> None:
        """Others act and are logged; these movements are not, and are told."""
        act(self.scheme, others)
        size = self.publisher.publish()
        logged = dict(self.execute("SELECT movement_id, index FROM log_entries"))
        assert not set(refused) & set(logged)
        assert set(refused) <= set(self.refused)
        assert {row[0] for row in self.execute("SELECT movement_id FROM set_aside")} == set(self.refused)
        assert self.execute("SELECT count(*) FROM unsequenced") == [(0,)]
        issues_and_converts = 2 + 2 * others - 1  # an issuance's record, one issue and one conversion each
        assert size >= self.size + issues_and_converts
        assert size == len(logged)

"""A log that is published, and anchored at a chain."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from anchoring.chain.anchorer import Anchorer
from anchoring.chain.client import AnchorClient
from anchoring.chain.journal import DatabaseJournal
from anchoring.chain.signers import LocalKey
from anchoring.note import ED25519, Signer
from anchoring.publishing.publisher import Publisher
from anchoring.tree.folder import LogFolder
from anchoring.tree.tiles import DirectorySource, TileReader
from api.ledger.receipts import receipt_note
from tests.anchoring.chain.conftest import Payer, found
from tests.support.publishing import GATE, cosigning


class AnchoredLog:
    """A scheme whose log is published, and anchored at a chain."""

    def __init__(self, scheme: Any, folder: Path, rpc_url: str, payer: Payer, final_depth: int) -> None:
        self.scheme = scheme
        self.payer, authorities = payer, found(rpc_url, payer)
        signer = Signer("example.com/log", ED25519, b"l" * 32)
        self.client = AnchorClient(rpc_url, authorities.contract, journal=DatabaseJournal(scheme.database.transaction))
        nobody = cosigning([], scheme.clock)
        self.publisher = Publisher(scheme.database.transaction, LogFolder(folder), signer, nobody, scheme.clock, GATE)
        self.anchorer = Anchorer(
            transaction=scheme.database.transaction,
            reader=TileReader(DirectorySource(folder)),
            client=self.client,
            signers=[LocalKey(key) for key in authorities.keys],
            threshold=2,
            payer=payer.signer,
            clock=scheme.clock,
            final_depth=final_depth,
        )

    def grow(self, people: int = 1) -> int:
        self.scheme.issue({self.scheme.person(): 100 for _ in range(people)})
        return self.publisher.publish()

    def anchors(self) -> dict[int, bool]:
        """Anchored sizes, and whether each is final."""
        with self.scheme.database.transaction() as tx:
            rows = tx.execute(sa.text("SELECT size, final_ms IS NOT NULL AS final FROM anchors ORDER BY size"))
            return {row.size: row.final for row in rows}

    def blocks(self) -> list[int]:
        with self.scheme.database.transaction() as tx:
            return list(tx.execute(sa.text("SELECT block FROM anchors ORDER BY size")).scalars())

    def receipt_size(self) -> int:
        with self.scheme.database.transaction() as tx:
            return receipt_note(tx, 0)[0]

"""The anchorer: brings published checkpoints onto the chain, and notes when they are final.

Everything it does can be repeated: what the chain has is asked first, and the contract itself takes a size once.
If we crash after the chain took a checkpoint, the next run finds it there and writes it down.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import sqlalchemy as sa

from anchoring.chain.client import AnchorClient
from anchoring.chain.signing import sign_checkpoint
from anchoring.errors import Refuted
from anchoring.log.tiles import TileReader, consistency_proof, root_at


@dataclass(frozen=True, slots=True)
class ToAnchor:
    """A published checkpoint as the contract takes it. `frontier_g` and `ended_g` are grams."""

    size: int
    root: bytes
    frontier_g: int
    ended_g: int


@dataclass(frozen=True, slots=True)
class Anchorer:
    """Anchors one log in one contract. `threshold` signatures are made with the keys at hand."""

    transaction: Callable[[], AbstractContextManager[sa.Connection]]
    reader: TileReader
    client: AnchorClient
    signer_keys: Sequence[bytes] = field(repr=False)
    threshold: int
    payer_key: bytes = field(repr=False)
    clock: Callable[[], int]
    final_depth: int

    def anchor(self) -> int | None:
        """Anchor the last published checkpoint unless it is anchored; return its size, None when there is none.

        Raises `Refuted` when the chain holds another history than this log, or is ahead of it.
        """
        published = self._published()
        if published is None:
            return None
        with self.transaction() as tx:
            if tx.execute(_IS_ANCHORED, {"size": published.size}).scalar_one_or_none():
                return published.size
        head = self.client.head()
        self._compare(head.size, head.root, published)
        proof = consistency_proof(self.reader, head.size, published.size) if head.size < published.size else []
        receipt = self.client.anchor(
            published.size,
            published.root,
            published.frontier_g,
            published.ended_g,
            proof,
            self._signatures(published),
            self.payer_key,
        )
        values = {
            "size": published.size,
            "chain": self.client.chain_id(),
            "contract": self.client.address,
            "transaction": None if receipt.tx_hash is None else "0x" + receipt.tx_hash.hex(),
            "block": receipt.block_number,
            "gas": receipt.gas_used or None,
            "at": self.clock(),
        }
        with self.transaction() as tx:
            tx.execute(_INSERT, values)
        return published.size

    def settle(self) -> None:
        """Note which anchors are final: `final_depth` blocks deep, and still there."""
        with self.transaction() as tx:
            open_ones = tx.execute(_NOT_FINAL).all()
        for row in open_ones:
            if self.client.depth(row.block) >= self.final_depth and self.client.root_at(row.size) == bytes(row.root):
                with self.transaction() as tx:
                    tx.execute(_FINAL, {"size": row.size, "at": self.clock()})

    def _published(self) -> ToAnchor | None:
        with self.transaction() as tx:
            row = tx.execute(_PUBLISHED).one_or_none()
        return None if row is None else ToAnchor(row.size, bytes(row.root), row.frontier_g, row.ended_g)

    def _compare(self, size: int, root: bytes, published: ToAnchor) -> None:
        """Refuse to go on when the chain and this log do not tell one history."""
        if size > published.size:
            raise Refuted(
                f"The chain holds a checkpoint of {size} leaves and this log has {published.size}. The log was "
                "set back, or the contract belongs to another one; nothing is anchored."
            )
        if size and root != root_at(self.reader, size):
            raise Refuted(f"The chain's root for {size} leaves is not this log's; nothing is anchored.")

    def _signatures(self, published: ToAnchor) -> list[bytes]:
        chain_id = self.client.chain_id()
        return [
            sign_checkpoint(
                key,
                chain_id,
                self.client.address,
                published.size,
                published.root,
                published.frontier_g,
                published.ended_g,
            )
            for key in self.signer_keys[: self.threshold]
        ]


_PUBLISHED = sa.text("""
    SELECT c.size, c.root, c.frontier_g, c.ended_g FROM publications p JOIN checkpoints c ON c.size = p.size
    ORDER BY p.size DESC LIMIT 1
""")
_IS_ANCHORED = sa.text("SELECT true FROM anchors WHERE size = :size")
_INSERT = sa.text("""
    INSERT INTO anchors (size, chain_id, contract, transaction, block, gas, anchored_ms)
    VALUES (:size, :chain, :contract, :transaction, :block, :gas, :at)
    ON CONFLICT (size) DO NOTHING
""")
_NOT_FINAL = sa.text(
    "SELECT a.size, a.block, c.root FROM anchors a JOIN checkpoints c ON c.size = a.size WHERE a.final_ms IS NULL"
)
_FINAL = sa.text("UPDATE anchors SET final_ms = :at WHERE size = :size")

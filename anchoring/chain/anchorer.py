"""The anchorer: brings published checkpoints onto the chain, and notes when they are final.

Everything it does can be repeated: what the chain has is asked first, and the contract itself takes a size once.
If we crash after the chain took a checkpoint, the next run finds it there and writes it down.

A chain may take back its last blocks. So an anchor that is not final is asked for each time; when it is gone, our
note of it goes too, and the last published checkpoint is anchored anew. It is final when the chain has it as of a
block that is `final_depth` below the head: the block it was first seen in proves nothing after a reorganisation.
What was final must stay: the last final anchor is asked for in each round, and when the chain has it no more, or
another, nothing is anchored until a person has looked.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from anchoring.chain.client import AnchorClient
from anchoring.chain.signers import CheckpointSigner, Payer
from anchoring.errors import AnchoringError, Refuted, Unwitnessed
from anchoring.quorum import WHOLE_S, Collect, collect
from anchoring.tree.tiles import TileReader, consistency_proof, root_at


@dataclass(frozen=True, slots=True)
class ToAnchor:
    """A published checkpoint as the contract takes it. `frontier_g` and `ended_g` are grams."""

    size: int
    root: bytes
    frontier_g: int
    ended_g: int


@dataclass(frozen=True, slots=True)
class Anchorer:
    """Anchors one log in one contract. The first `threshold` of the signers to answer sign, and the payer pays."""

    transaction: Callable[[], AbstractContextManager[sa.Connection]]
    reader: TileReader
    client: AnchorClient
    signers: Sequence[CheckpointSigner]
    threshold: int
    payer: Payer
    clock: Callable[[], int]
    final_depth: int
    """Blocks on top that make an anchor final."""
    collect: Collect = collect
    """How the signers are asked."""

    def anchor(self) -> int | None:
        """Anchor the last published checkpoint unless it is anchored; return its size, None when there is none.

        Raises `Refuted` when the chain holds another history than this log, is ahead of it, or lost what was final,
        `Unwitnessed` when too few signers answer in time: then the next round asks them again.
        """
        published = self._published()
        if published is None:
            return None
        self._keep_final()
        with self.transaction() as tx:
            known = tx.execute(_ANCHOR, {**self._place(), "size": published.size}).one_or_none()
        if known is not None and (known.final_ms is not None or self._stands(known)):
            return published.size
        head = self.client.head()
        self._compare(head.size, head.root, published)
        # What is read are the published tree's tiles: a folder that was rebuilt has no others.
        proof = consistency_proof(self.reader, head.size, published.size) if head.size < published.size else []
        receipt = self.client.anchor(
            published.size,
            published.root,
            published.frontier_g,
            published.ended_g,
            proof,
            self._signatures(published),
            self.payer,
        )
        values = {
            **self._place(),
            "size": published.size,
            "transaction": None if receipt.tx_hash is None else "0x" + receipt.tx_hash.hex(),
            "block": receipt.block_number,
            "gas": receipt.gas_used or None,
            "at": self.clock(),
        }
        with self.transaction() as tx:
            tx.execute(_INSERT, values)
        return published.size

    def settle(self) -> None:
        """Take back the anchors that the chain has no more, and note which of the others are final."""
        with self.transaction() as tx:
            open_ones = tx.execute(_NOT_FINAL, self._place()).all()
        self._keep_final()
        for row in open_ones:
            if not self._stands(row):
                continue
            deep = self.client.block_number() - self.final_depth
            if deep >= 0 and self.client.root_at(row.size, at=deep) == bytes(row.root):
                with self.transaction() as tx:
                    tx.execute(_FINAL, {**self._place(), "size": row.size, "at": self.clock()})

    def _stands(self, row: sa.Row[Any]) -> bool:
        """Whether the chain still has an anchor; forget it when not, and put its block right when it moved."""
        if self.client.root_at(row.size) != bytes(row.root):
            with self.transaction() as tx:
                tx.execute(_FORGET, {**self._place(), "size": row.size})
            return False
        block = row.transaction and self.client.mined_in(bytes.fromhex(row.transaction[2:]))
        if block is not None and block != row.block:
            with self.transaction() as tx:
                tx.execute(_MOVED, {**self._place(), "size": row.size, "block": block})
        return True

    def _keep_final(self) -> None:
        """Shout when the chain has the last final anchor no more: one such is lost with all after it."""
        with self.transaction() as tx:
            row = tx.execute(_LAST_FINAL, self._place()).one_or_none()
        if row is None:
            return
        found = self.client.root_at(row.size)
        if found != bytes(row.root):
            raise Refuted(
                f"The anchor of {row.size} leaves was final on chain {self.client.chain_id()}, and the contract "
                f"{self.client.address} now has {'none' if found is None else 'another root'} for it: the chain was "
                "rewritten deeper than it may be, or this node shows another one. Nothing is anchored; a person must "
                "look."
            )

    def _place(self) -> dict[str, Any]:
        """Which contract the rows are of."""
        return {"chain": self.client.chain_id(), "contract": self.client.address}

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
        if size and root != root_at(self.reader, size, within=published.size):
            raise Refuted(f"The chain's root for {size} leaves is not this log's; nothing is anchored.")

    def _signatures(self, published: ToAnchor) -> list[bytes]:
        """Ask all signers, and give `threshold` signatures; the contract checks, and charges for, each one."""
        chain_id, contract = self.client.chain_id(), self.client.address
        figures = (published.size, published.root, published.frontier_g, published.ended_g)
        asks = [partial(signer.sign_checkpoint, chain_id, contract, *figures) for signer in self.signers]
        outcomes = self.collect(asks, self.threshold, WHOLE_S)
        signatures = [one for one in outcomes if not isinstance(one, AnchoringError)]
        if len(signatures) < self.threshold:
            named = zip((signer.address for signer in self.signers), outcomes, strict=True)
            failed = {address: one for address, one in named if isinstance(one, AnchoringError)}
            raise Unwitnessed(f"The anchor of {published.size} leaves", self.threshold, len(signatures), failed)
        return signatures[: self.threshold]


_PUBLISHED = sa.text("""
    SELECT c.size, c.root, c.frontier_g, c.ended_g FROM publications p JOIN checkpoints c ON c.size = p.size
    ORDER BY p.size DESC LIMIT 1
""")
_SELECT = """
    SELECT a.size, a.block, a.transaction, a.final_ms, c.root FROM anchors a JOIN checkpoints c USING (size)
    WHERE a.chain_id = :chain AND a.contract = :contract
"""
_ANCHOR = sa.text(f"{_SELECT} AND size = :size")
_NOT_FINAL = sa.text(f"{_SELECT} AND a.final_ms IS NULL ORDER BY size")
_LAST_FINAL = sa.text(f"{_SELECT} AND a.final_ms IS NOT NULL ORDER BY size DESC LIMIT 1")
_INSERT = sa.text("""
    INSERT INTO anchors (size, chain_id, contract, transaction, block, gas, anchored_ms)
    VALUES (:size, :chain, :contract, :transaction, :block, :gas, :at)
    ON CONFLICT DO NOTHING
""")
_FORGET = sa.text("""
    DELETE FROM anchors WHERE chain_id = :chain AND contract = :contract AND size = :size AND final_ms IS NULL
""")
_MOVED = sa.text("""
    UPDATE anchors SET block = :block WHERE chain_id = :chain AND contract = :contract AND size = :size
""")
_FINAL = sa.text("""
    UPDATE anchors SET final_ms = :at WHERE chain_id = :chain AND contract = :contract AND size = :size
""")

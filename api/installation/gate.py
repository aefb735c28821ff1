"""What the sequencer needs from the programme to tell its own movements from anybody else's."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from anchoring.publishing.admission import Gate
from anchoring.publishing.doubts import Doubt
from registry.accounts.vault import Vault
from registry.ledger.holding import lacking
from registry.procedure.clock import USUAL, Bounds


def gate_of(vault: Vault, bounds: Bounds = USUAL) -> Gate:
    """Make the gate of whoever has the master key; `bounds` are what every witness lets a leaf's time be."""

    def doubts(tx: sa.Connection, ids: Sequence[int]) -> Mapping[int, int]:
        found = lacking(tx, vault, ids)
        lacks = ((Doubt.TAG, found.tag), (Doubt.DOCUMENT, found.document), (Doubt.EVIDENCE, found.evidence))
        return {number: int(doubt) for doubt, numbers in lacks for number in numbers}

    return Gate(vault.sealer, doubts, bounds)

"""What the sequencer needs from the programme to tell its own movements from anybody else's."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from anchoring.log.admission import Gate
from anchoring.log.doubts import Doubt
from registry.accounts.vault import Vault
from registry.ledger.holding import without_tag_or_evidence


def gate_of(vault: Vault) -> Gate:
    """Make the gate of whoever has the master key."""

    def doubts(tx: sa.Connection, ids: Sequence[int]) -> Mapping[int, int]:
        untagged, undocumented = without_tag_or_evidence(tx, vault, ids)
        return dict.fromkeys(untagged, int(Doubt.TAG)) | dict.fromkeys(undocumented, int(Doubt.EVIDENCE))

    return Gate(vault.sealer, doubts)

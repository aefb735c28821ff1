"""The contract's client; the one room that imports web3.

A chain that is down, slow or answers nonsense is `Unreachable`; what the contract refuses is `Refuted` with the
name of its error, and so are endpoints that contradict each other. Whatever web3 raises inside, one of the two comes
out, with one sentence.
"""

from anchoring.chain.client.answers import AnchoredCheckpoint, AnchoredHead, AnchorReceipt, Verdict
from anchoring.chain.client.contract import AnchorClient
from anchoring.chain.client.deploying import deploy
from anchoring.chain.client.sending import Patience

__all__ = ["AnchorClient", "AnchorReceipt", "AnchoredCheckpoint", "AnchoredHead", "Patience", "Verdict", "deploy"]

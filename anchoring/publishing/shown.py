"""What a node says of the contract, believed only as far as it shows what the authorities signed.

A node can name any size. If a registry took one that the contract never had for its log's, it would wait for good for a
recovery that nobody can give it. An anchor carries the signatures of k authorities over its size and root; whoever
shows them did not make them up.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from anchoring.errors import Refuted
from anchoring.merkle import EMPTY_ROOT
from anchoring.publishing.standing import Known
from anchoring.signing import signer_of

if TYPE_CHECKING:  # it brings web3, which an HTTP worker does without
    from anchoring.chain.client import AnchorClient


def known_to_chain(client: "AnchorClient", chain_id: int, authorities: Collection[str], threshold: int) -> Known:
    """The contract's last checkpoint, if `threshold` of the `authorities` (addresses) signed it for this contract.

    Raises Refuted when the node names one and does not show that, Unreachable when it does not answer.
    """
    head = client.head()
    if not head.size:
        return Known("The chain", 0, EMPTY_ROOT)
    shown = client.shown_signatures(head.size)
    signed: set[str | None] = set()
    if shown is not None and shown[0].root == head.root:
        anchor, signatures = shown
        figures = (anchor.size, anchor.root, anchor.frontier, anchor.ended)
        signed = {signer_of(one, chain_id, client.address, *figures) for one in signatures} & {*authorities}
    if len(signed) < threshold:
        raise Refuted(
            f"The node says that the contract has {head.size} leaves with the root {head.root.hex()}, and shows "
            f"signatures of {len(signed)} authorities over that; {threshold} must have signed. It is not believed: it "
            "lies, or keeps no old transactions. Ask another node, or several (GRAMLEDGER_RPC)."
        )
    return Known("The chain", head.size, head.root)

"""Gas of one anchor, at sizes of the log from 2^10 to the largest the contract takes, in the worst case of each.

The worst consistency proof to 2^k leaves is the one from 2^k - 1: no proof is longer, and every hash of it but one
counts for both roots. No such log need exist: a proof of arbitrary hashes is a proof between the roots it leads to.
"""

import secrets
from pathlib import Path

from anchoring.chain.client import AnchorClient, deploy
from anchoring.chain.embedded_process import EmbeddedChainProcess
from anchoring.chain.signers import LocalKey, Payer
from anchoring.merkle import HASH_SIZE, node_hash, verify_consistency
from anchoring.signing import generate_key
from api.bench.figures import Figure
from api.installation.keys import AUTHORITIES
from api.installation.settings import Settings
from contracts import artifact

MOST_GAS = 120_000
EXPONENTS = (10, 20, 24, 30, 32, 40, 44)
"""The contract takes no log over 2^44 leaves; one leaf a second makes it so long in 557,000 years."""
TRANSACTION_GAS = 21_000
"""What the EVM takes for any transaction, before its data."""
WORD_OF_DATA_GAS = 512
"""And for 32 bytes of data, none of them zero: 16 each (EIP-2028)."""


def measure(folder: Path, exponents: tuple[int, ...] = EXPONENTS) -> list[Figure]:
    """Anchor twice in a new contract for each size, on the embedded chain, and read the second receipt."""
    payer = LocalKey(generate_key())
    with EmbeddedChainProcess(folder / "chain", prefund=[payer.address]) as chain:
        return [_figure(chain, payer, exponent) for exponent in exponents]


def _figure(chain: EmbeddedChainProcess, payer: Payer, exponent: int) -> Figure:
    threshold = Settings.model_fields["threshold"].default
    signers = [LocalKey(generate_key()) for _ in AUTHORITIES]
    contract = deploy(chain.rpc_url, payer, [signer.address for signer in signers], threshold, artifact())
    size = 1 << exponent
    proof, before, after = worst_case(exponent)

    def signed(of: int, root: bytes) -> list[bytes]:
        return [one.sign_checkpoint(chain.chain_id, contract, of, root, size, 1) for one in signers[:threshold]]

    with AnchorClient(chain.rpc_url, contract) as client:
        client.anchor(size - 1, before, size, 1, [], signed(size - 1, before), payer)
        receipt = client.anchor(size, after, size, 1, proof, signed(size, after), payer)
    least = TRANSACTION_GAS + WORD_OF_DATA_GAS * len(proof)
    beside = f"transaction with {len(proof)} hashes as data"
    return Figure(f"gas of anchoring 2^{exponent} leaves", receipt.gas_used, "gas", MOST_GAS, True, beside, least)


def worst_case(exponent: int) -> tuple[list[bytes], bytes, bytes]:
    """Make a consistency proof from 2^k - 1 to 2^k leaves, and the two roots it leads to (RFC 9162, 2.1.4.2)."""
    proof = [secrets.token_bytes(HASH_SIZE) for _ in range(exponent + 1)]
    before, after = proof[0], node_hash(proof[0], proof[1])
    for sibling in proof[2:]:
        before, after = node_hash(sibling, before), node_hash(sibling, after)
    size = 1 << exponent
    assert verify_consistency(size - 1, size, before, after, proof)  # noqa: S101  (what this function promises)
    return proof, before, after

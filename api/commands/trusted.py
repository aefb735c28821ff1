"""What a command believes: a trust file, or single flags; where both are given they must say the same."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from anchoring.errors import Malformed
from anchoring.signing import address_bytes, checksummed
from anchoring.tree.sources import read_file
from anchoring.trust.file import MAX_TRUST, Trust
from anchoring.trust.policy import ASKS_NOBODY, Policy, k_of, log_key, witness_key
from anchoring.trust.reading import read
from api.cli import warn
from api.commands.moves import Followed


@dataclass(frozen=True, slots=True)
class Said:
    """Flags of the command line, None or empty where none was given."""

    vkey: str | None = None
    cosigners: Sequence[str] = ()
    quorum: int | None = None
    rpcs: Sequence[str] = ()
    contract: str | None = None
    chain_id: int | None = None


def read_trust(file: Path, said: Said, *, is_of_now: bool = False) -> Trust:
    """Read a trust file, `is_of_now` with the contract that holds the log now alone.

    Raises TrustFault, and Malformed for a flag that says something else than the file.
    """
    trust = read(read_file(file, MAX_TRUST))
    if is_of_now:
        trust = replace(trust, chains=trust.chains[-1:])
    wrong = next(_contradictions(trust, said), None)
    if wrong is not None:
        raise Malformed(f"{wrong} contradicts the trust file {file}. Leave it out, or change the file.")
    return trust


def vkey_of(trust: Trust | None, vkey: str | None) -> str:
    """Give the log's key. Raises Malformed when neither a file nor a flag says it."""
    if trust is not None:
        return trust.log.verifier.vkey
    if vkey is None:
        raise Malformed("Give --trust FILE, or --vkey: the log's verifier key, from a source you trust.")
    return vkey


def policy_of(trust: Trust | None, said: Said) -> Policy:
    """Say who must have cosigned: the file's quorum, or so many of the cosigners given."""
    if trust is not None:
        return trust.policy
    if not said.cosigners and said.quorum is not None:
        raise Malformed("--quorum is of the cosigners given; give --cosigner too.")
    return k_of(said.cosigners, said.quorum) if said.cosigners else ASKS_NOBODY


@contextmanager
def contracts_of(trust: Trust, rpcs: Sequence[str]) -> Iterator[Followed | None]:
    """Connect to the file's contracts, each pinned to its chain; None, with a warning, where no endpoint is known."""
    bare = [chain.chain_id for chain in trust.chains if not chain.rpcs]
    if bare and not rpcs:
        warn(f"The chain is not asked: the trust file names no endpoint of chain {bare[0]}. Give --rpc.")
    if not trust.chains or (bare and not rpcs):
        yield None
        return
    from anchoring.chain.client import AnchorClient  # web3, for which most of an offline check's start would go

    with ExitStack() as stack:
        opened = [
            stack.enter_context(AnchorClient(chain.rpcs or rpcs, chain.contract, chain_id=chain.chain_id))
            for chain in trust.chains
        ]
        yield Followed(opened)


def _contradictions(trust: Trust, said: Said) -> Iterator[str]:
    if said.vkey is not None and log_key(said.vkey) != trust.log.verifier:
        yield "--vkey"
    known = {witness.verifier for witness in trust.policy.witnesses}
    if any(witness_key(vkey) not in known for vkey in said.cosigners):
        yield "--cosigner"
    if said.quorum is not None and said.quorum != _flat_threshold(trust.policy):
        yield "--quorum"
    if not trust.chains:
        if said.contract is not None or said.chain_id is not None or said.rpcs:
            yield "A chain beside a file that names none"
        return
    places = [chain.place for chain in trust.chains]
    contract = None if said.contract is None else checksummed(address_bytes(said.contract))
    if contract is not None and all(place[1] != contract for place in places):
        yield "--contract"
    if said.chain_id is not None and all(
        place[0] != said.chain_id or contract not in (None, place[1]) for place in places
    ):
        yield "--chain-id"
    named = {url for chain in trust.chains for url in chain.rpcs}
    if all(chain.rpcs for chain in trust.chains) and not named.issuperset(said.rpcs):
        yield "--rpc"


def _flat_threshold(policy: Policy) -> int | None:
    """Of a quorum that is so many of all witnesses."""
    names = {witness.name for witness in policy.witnesses}
    whole = [group.threshold for group in policy.groups if group.name == policy.quorum and {*group.members} == names]
    return whole[0] if whole else 1 if policy.quorum in names and len(names) == 1 else None

"""The trust file of this registry, as it says itself: to be compared with one from a source that one trusts."""

from anchoring.trust.file import Chain, Log, Trust
from anchoring.trust.policy import k_of
from anchoring.trust.writing import write
from api.installation.moving import places_of
from api.installation.site import Site

REMARKS = (
    "What this registry says of itself. A registry that lies lies here too: compare this with a file from elsewhere.",
)


def trust_file(site: Site, base_url: str | None) -> bytes:
    """Write it from the settings and the contracts that hold the log, or held it.

    `base_url` ends in a slash; without it, neither the log's address nor the chain's is in the file.

    Where a witness is stays between it and the registry; the chain's endpoint is this registry's own.
    """
    here = site.where.chain_id
    chains = tuple(
        Chain(chain_id, contract, (f"{base_url}chain",) if base_url and chain_id == here else ())
        for chain_id, contract in places_of(site)
    )
    policy = k_of((signer["cosigner_vkey"] for signer in site.signers), site.settings.threshold)
    log = Log(site.log_signer.verifier, f"{base_url}log" if base_url else None)
    return write(Trust(log, policy, chains), REMARKS)

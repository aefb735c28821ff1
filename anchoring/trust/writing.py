"""Writes a trust file. Pure."""

from anchoring.trust.file import Trust, TrustFault
from anchoring.trust.reading import read


def write(trust: Trust, remarks: tuple[str, ...] = ()) -> bytes:
    """Write a trust file, `remarks` as comments at its top. Raises TrustFault when `read` would not give it back."""
    lines = [*(f"# {remark}" for remark in remarks), *_lines(trust)]
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    if read(data) != trust:
        raise TrustFault("trust-unwritable", "a name or an address in it cannot stand in a line; change it.")
    return data


def _lines(trust: Trust) -> list[str]:
    policy = trust.policy
    rows = [
        ("log", trust.log.verifier.vkey, trust.log.url),
        *(("witness", one.name, one.verifier.vkey, one.url) for one in policy.witnesses),
        *(("group", one.name, str(one.threshold), *one.members) for one in policy.groups),
        ("quorum", policy.quorum),
        *(("#chain", str(one.chain_id), one.contract, *one.rpcs) for one in trust.chains),
    ]
    return [" ".join(item for item in row if item is not None) for row in rows]

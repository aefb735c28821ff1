"""The trust file: one text that says what a verifier believes. C2SP tlog-policy, with the chain in comment lines. Pure.

Lines are the specification's: `log <vkey> [<url>]`, `witness <name> <vkey> [<url>]`, `group <name> <k> <name>...`,
`quorum <name>`. To any other reader our `#chain <id> <contract> [<rpc>]...` is a comment; several are the
contracts that the log was anchored in one after another, the last one now. One file is of one log.

Octets above 0x7f are opaque: text holds those that are no UTF-8 as lone surrogates.
"""

from dataclasses import dataclass
from typing import Final

from anchoring.errors import Malformed
from anchoring.note import Verifier
from anchoring.trust.policy import ASKS_NOBODY, Policy

MAX_TRUST: Final = 256 * 1024
"""Bytes: room for as many witnesses and groups as are taken, with long keys and addresses."""


@dataclass(frozen=True, slots=True)
class Log:
    """The log: its key, under whose name it signs, and where it is."""

    verifier: Verifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """A contract, checksummed (EIP-55), on the chain of this id; `rpcs` are JSON-RPC endpoints that are believed."""

    chain_id: int
    contract: str
    rpcs: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[int, str]:
        """The chain's id and the contract."""
        return self.chain_id, self.contract


@dataclass(frozen=True, slots=True)
class Trust:
    """All that a trust file says. `chains` are in the order of the log's moves."""

    log: Log
    policy: Policy = ASKS_NOBODY
    chains: tuple[Chain, ...] = ()


class TrustFault(Malformed):
    """A trust file that cannot be taken: `fault` is a stable code, `line` counts from 1, None for the whole file."""

    code = "trust-file"

    def __init__(self, fault: str, sentence: str, line: int | None = None) -> None:
        """Say what is wrong and what to do."""
        where = "The trust file" if line is None else f"The trust file, line {line}"
        super().__init__(f"{where}: {sentence} [{fault}]")
        self.fault, self.line = fault, line

"""The record of a move: a leaf of kind MOVE binds the contract a log was anchored in and the one it goes on in. Pure.

As nothing in it is secret, its salts follow from its values, and whoever knows those can make the 32 bytes of evidence.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

import rfc8785

from anchoring.errors import Malformed
from anchoring.signing import address_bytes, checksummed
from registry.ledger.movement import NO_TAG, Kind, Movement

SALT_DOMAIN: Final = "gramledger/move/v1"
SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Move:
    """From one contract to another. `number` counts a log's moves from 0; addresses are checksummed."""

    number: int
    from_chain_id: int
    from_contract: str
    to_chain_id: int
    to_contract: str

    def fields(self) -> dict[str, list[str]]:
        """Give the evidence with all fields shown: name -> `[salt, value]`; numbers are decimal strings."""
        values = {"record": "move", **{name: str(value) for name, value in asdict(self).items()}}
        return {name: [_salt(values, name), value] for name, value in values.items()}

    def digest(self) -> bytes:
        """Hash the evidence: 32 bytes."""
        digests = {
            name: sha256(rfc8785.dumps([salt, name, value])).hexdigest()
            for name, (salt, value) in self.fields().items()
        }
        return sha256(rfc8785.dumps(digests)).digest()

    def movement(self, at: int) -> Movement:
        """Make the record's leaf, written at `at` Unix milliseconds."""
        return Movement(Kind.MOVE, 0, 0, 0, 0, 0, None, at, 0, NO_TAG, NO_TAG, self.digest())


def read_move(said: Any) -> Move:
    """Read a move from JSON's values. Raises Malformed for what is none, or leads to where it began."""
    try:
        start, end = (checksummed(address_bytes(said[name])) for name in ("from_contract", "to_contract"))
        chains = (_number(said["from_chain_id"]), _number(said["to_chain_id"]))
        move = Move(_number(said["number"]), chains[0], start, chains[1], end)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Malformed("A move names two chains and two contracts.") from None
    if (move.from_chain_id, move.from_contract) == (move.to_chain_id, move.to_contract):
        raise Malformed("A move leads from one contract to another.")
    return move


def move_of_evidence(fields: Mapping[str, Any]) -> Move:
    """Read a move from its evidence, all fields shown. Raises Malformed."""
    try:
        values = {name: shown[1] for name, shown in fields.items()}
        numbers = {name: int(values[name]) for name in ("number", "from_chain_id", "to_chain_id")}
    except (KeyError, TypeError, ValueError, IndexError):
        raise Malformed("This evidence is not that of a move.") from None
    return read_move(values | numbers)


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(value)
    return value


def _salt(values: Mapping[str, str], name: str) -> str:
    text = "\n".join([SALT_DOMAIN, *values.values(), name])
    return urlsafe_b64encode(sha256(text.encode()).digest()[:SALT_BYTES]).rstrip(b"=").decode()

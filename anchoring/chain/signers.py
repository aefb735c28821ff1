"""Who signs: for the contract as an authority, and for transactions as the one who pays.

Both may be a key at hand (`LocalKey`) or a signer on another machine. An implementation never hands on a signature of
something else than was asked for.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from anchoring.errors import Malformed
from anchoring.signing import address_of, sign_checkpoint


class CheckpointSigner(Protocol):
    """An authority that signs checkpoints for the contract (EIP-712)."""

    @property
    def address(self) -> str:
        """Checksummed, `0x` and 40 hex digits."""
        ...

    def sign_checkpoint(
        self, chain_id: int, contract: str, size: int, root: bytes, frontier_g: int, ended_g: int
    ) -> bytes:
        """65 bytes, `r || s || v`, v 27 or 28. Raises Malformed for what is no checkpoint, Unreachable, Refuted."""
        ...


class Payer(Protocol):
    """An account that pays for transactions."""

    @property
    def address(self) -> str:
        """Checksummed, `0x` and 40 hex digits."""
        ...

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The raw transaction, signed.

        `transaction` has chainId, nonce, gas, value, data (hex with 0x), `to` unless it creates a contract, and either
        gasPrice or maxFeePerGas and maxPriorityFeePerGas. Raises Malformed for fields that make none, Unreachable and
        Refuted.
        """
        ...


class KeyHolder(CheckpointSigner, Payer, Protocol):
    """A key, wherever it is, that signs both."""


class LocalKey:
    """A private key of 32 bytes in this process's memory; it signs checkpoints and transactions."""

    def __init__(self, key: bytes) -> None:
        """Raises Malformed for what is no key."""
        self.address = address_of(key)
        self._key = key

    def sign_checkpoint(
        self, chain_id: int, contract: str, size: int, root: bytes, frontier_g: int, ended_g: int
    ) -> bytes:
        """Sign as `anchoring.signing.sign_checkpoint` does, deterministically."""
        return sign_checkpoint(self._key, chain_id, contract, size, root, frontier_g, ended_g)

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Sign one transaction, deterministically; `from`, if there, must be this key's address."""
        from eth_account import Account

        try:
            return bytes(Account.sign_transaction(dict(transaction), self._key).raw_transaction)
        except (TypeError, ValueError) as error:
            raise Malformed("These fields make no transaction that this key can sign.") from error

    def __repr__(self) -> str:
        """Name the address, never the key."""
        return f"LocalKey({self.address})"

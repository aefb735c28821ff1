"""A call of the embedded chain, and how it fails: refused, or reverted by the contract."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from eth.exceptions import Revert
from eth_utils.exceptions import ValidationError

T = TypeVar("T")


class Refused(Exception):
    """A transaction or call that the chain does not take; the message says why."""


class Reverted(Refused):
    """Execution reached REVERT; `data` is what the contract gave as its reason."""

    def __init__(self, data: bytes) -> None:
        super().__init__("execution reverted")
        self.data = data


@dataclass(frozen=True, slots=True)
class Message:
    """What a call executes: addresses are 20 bytes (`to` empty to create), value in wei."""

    sender: bytes
    to: bytes
    data: bytes
    value: int
    gas: int


def executed(run: Callable[[], T]) -> T:
    """Run what the EVM may refuse. Raises `Refused`."""
    try:
        return run()
    except ValidationError as error:
        raise Refused(str(error)) from error


def raise_if_failed(error: Any) -> None:
    """Raise `Reverted` or `Refused` for a computation's error."""
    if error is None:
        return
    if isinstance(error, Revert):
        raise Reverted(bytes(error.args[0]) if error.args and isinstance(error.args[0], bytes) else b"")
    raise Refused(str(error) or type(error).__name__)

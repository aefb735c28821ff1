"""Who cosigns the log's checkpoints: a key in this process, for development, or a witness on an authority's machine."""

from collections.abc import Callable, Sequence
from typing import Protocol

from anchoring import note
from anchoring.checkpoint import Checkpoint
from anchoring.errors import Refuted
from anchoring.note import Signer
from anchoring.quorum import Collect, Quorum, collect
from anchoring.tree.tiles import TileReader


class Ahead(Refuted):
    """A cosigner says that it has cosigned a larger tree; only its `last_cosigned` can show that it is so."""


class Cosigner(Protocol):
    """One who cosigns checkpoints (C2SP tlog-cosignature v1), as `anchoring.quorum` asks several of them."""

    @property
    def verifier(self) -> note.Verifier:
        """The key it cosigns by."""
        ...

    def cosign(self, signed: bytes, reader: TileReader) -> note.Signature:
        """Cosign a checkpoint whose tiles `reader` gives.

        Raises Unreachable when there is no answer in time, Refuted when it refuses or answers with no cosignature of
        its own, Ahead when it says that it is at a larger tree.
        """
        ...

    def last_cosigned(self, log: note.Verifier) -> Checkpoint | None:
        """Show the last checkpoint that it cosigned; None when there is none, or it remembers nothing.

        Raises Unreachable, and Refuted when what it shows is not signed by the `log`'s own key.
        """
        ...


class LocalCosigner:
    """A cosigning key at hand, for development: it looks at nothing and remembers nothing."""

    def __init__(self, signer: Signer, clock: Callable[[], int]) -> None:
        """Cosign with `signer`, as of `clock`'s Unix milliseconds."""
        self._signer, self._clock = signer, clock

    @property
    def verifier(self) -> note.Verifier:
        """The key it cosigns by."""
        return self._signer.verifier

    def cosign(self, signed: bytes, reader: TileReader) -> note.Signature:  # noqa: ARG002  (the port's)
        """Cosign whatever it is given."""
        return self._signer.cosign(note.parse(signed).text, self._clock() // 1000)

    def last_cosigned(self, log: note.Verifier) -> Checkpoint | None:  # noqa: ARG002  (the port's)
        """Remember nothing."""
        return None


def quorum(
    cosigners: Sequence[Cosigner], threshold: int, clock: Callable[[], int], collect: Collect = collect
) -> Quorum[Cosigner]:
    """Give `threshold` of `cosigners`, by the names of their keys. Raises ValueError when two have one name."""
    named = {one.verifier.name: one for one in cosigners}
    if len(named) != len(cosigners):
        raise ValueError("two cosigners have one name")
    return Quorum(named, threshold, clock, collect=collect)

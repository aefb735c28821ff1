"""A log's side of C2SP tlog-witness: asks witnesses for cosignatures and signatures for the contract.

What a witness answers is a stranger's: bounded in bytes, and in time for the whole of an exchange. Several are asked
side by side by `anchoring.quorum`.
"""

import json
from hashlib import sha256
from typing import Final

import httpx2

from anchoring import checkpoint, note
from anchoring.checkpoint import Checkpoint
from anchoring.cosigning import Ahead
from anchoring.deadline import Deadline
from anchoring.errors import AnchoringError, Malformed, Refuted, Unreachable
from anchoring.signing import address_bytes, checksummed, signer_of
from anchoring.tree.tiles import TileReader, consistency_proof
from anchoring.witness.protocol import SIZE_TYPE, Request, parse_cosignatures

MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer: some signature lines, or one JSON object."""
ATTEMPTS: Final = 3
"""Tries when a witness says that it is at another size: another client may bring it forward meanwhile."""


class WitnessClient:
    """One witness: its URL, the vkey it cosigns by and the address it signs for the contract by."""

    def __init__(
        self, url: str, vkey: str, address: str, timeout_s: float, transport: httpx2.BaseTransport | None = None
    ) -> None:
        """Name the witness; `timeout_s` is for all that one call of a method needs.

        `transport` is a wire of the caller's own. Raises Malformed for a vkey or an address that is none.
        """
        self._verifier = note.parse_vkey(vkey)
        if self._verifier.key_type != note.COSIGNATURE:
            raise Malformed("a witness's verifier key is of type cosignature (0x04)")
        self._url, self._timeout_s = url.rstrip("/"), timeout_s
        self.address = checksummed(address_bytes(address))
        self._client = httpx2.Client(timeout=timeout_s, transport=transport, trust_env=transport is None)
        self._deadline = Deadline(self._client)
        self._cosigned = 0

    @property
    def verifier(self) -> note.Verifier:
        """The key it cosigns by."""
        return self._verifier

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def cosign(self, signed: bytes, reader: TileReader) -> note.Signature:
        """Ask for the cosignature on a checkpoint; its tiles, which prove consistency, must be published already.

        Raises Unreachable when the witness does not answer in time, Refuted when it refuses or what it answers is
        no cosignature of its, Ahead when it says that it cosigned a larger tree.
        """
        parsed = note.parse(signed)
        size = checkpoint.parse(parsed.text).size
        with self._deadline.within(self._timeout_s):
            for _ in range(ATTEMPTS):
                proof = consistency_proof(reader, self._cosigned, size)
                request = Request(self._cosigned, tuple(proof), signed)
                status, kind, body = self._exchange("POST", "add-checkpoint", request.encode())
                if status == httpx2.codes.OK:
                    return self._accepted(body, parsed.text, size)
                cosigned = self._size_of(status, kind, body)
                if cosigned > size:
                    raise Ahead(f"{self._url} says that it has cosigned {cosigned} leaves, more than these {size}")
                self._cosigned = cosigned
        raise Unreachable(f"{self._url} is at another size each time it is asked.")

    def sign_checkpoint(
        self, chain_id: int, contract: str, size: int, root: bytes, frontier_g: int, ended_g: int
    ) -> bytes:
        """Ask for the signature, 65 bytes, of a tree that it cosigned (`CheckpointSigner`). Raises as `cosign`."""
        with self._deadline.within(self._timeout_s):
            status, _, body = self._exchange("GET", f"signature/{size}")
        if status != httpx2.codes.OK:
            raise Refuted(f"{self._url} does not sign size {size} for the contract: {_said(body)}")
        try:
            signature = bytes.fromhex(json.loads(body)["signature"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Refuted(f"{self._url} answers with no signature") from None
        if signer_of(signature, chain_id, contract, size, root, frontier_g, ended_g) != self.address:
            raise Refuted(f"{self._url} signs other figures for size {size}, or with another key")
        return signature

    def last_checkpoint(self, origin: str) -> bytes | None:
        """Ask for the last checkpoint of a log that the witness cosigned, its monitoring prefix; None before the first.

        What comes is not looked into. Raises Unreachable when there is no answer, Refuted for an answer that is none.
        """
        with self._deadline.within(self._timeout_s):
            status, _, body = self._exchange("GET", f"{sha256(origin.encode()).hexdigest()}/checkpoint")
        if status not in (httpx2.codes.OK, httpx2.codes.NOT_FOUND):
            raise Refuted(f"{self._url} does not give what it cosigned last ({status}): {_said(body)}")
        return body if status == httpx2.codes.OK else None

    def last_cosigned(self, log: note.Verifier) -> Checkpoint | None:
        """Give the last checkpoint that it cosigned of `log`; None before the first.

        Raises as `last_checkpoint`, and Refuted when what it shows is not signed by the log's own key.
        """
        shown = self.last_checkpoint(log.name)
        if shown is None:
            return None
        try:
            return checkpoint.open_checkpoint(shown, log.vkey).checkpoint
        except AnchoringError as error:
            raise Refuted(f"{self._url} shows what the log did not sign as what it cosigned last: {error}") from None

    def show(self, signed: bytes) -> None:
        """Let the witness see a checkpoint that it is not to cosign: one that contradicts what others were shown.

        It is sent as if from its own size, so that it can bring no witness forward; one that cosigned another tree of
        that size keeps both as evidence, whatever it answers. Raises Unreachable when it does not answer.
        """
        size = checkpoint.parse(note.parse(signed).text).size
        with self._deadline.within(self._timeout_s):
            self._exchange("POST", "add-checkpoint", Request(size, (), signed).encode())

    def _accepted(self, body: bytes, text: bytes, size: int) -> note.Signature:
        try:
            ours = parse_cosignatures(body, text, [self._verifier])
        except Malformed as error:
            raise Refuted(f"{self._url} answers with what is no cosignature: {error}") from None
        if not ours:
            raise Refuted(f"{self._url} answers without a cosignature by {self._verifier.name}")
        self._cosigned = size
        return ours[0]

    def _size_of(self, status: int, kind: str, body: bytes) -> int:
        """Read a 409; everything else is a refusal."""
        if status != httpx2.codes.CONFLICT or kind != SIZE_TYPE or not body.endswith(b"\n"):
            raise Refuted(f"{self._url} does not cosign ({status}): {_said(body)}")
        return checkpoint.parse_number(body[:-1].decode("ascii", "replace"))

    def _exchange(self, method: str, path: str, content: bytes | None = None) -> tuple[int, str, bytes]:
        body = bytearray()
        try:
            with self._client.stream(method, f"{self._url}/{path}", content=content) as response:
                for piece in response.iter_raw():
                    body += piece
                    if len(body) > MAX_ANSWER:
                        raise Refuted(f"{self._url} answers with more than {MAX_ANSWER} bytes")
                return response.status_code, response.headers.get("Content-Type", ""), bytes(body)
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError, OverflowError) as error:
            raise Unreachable(f"{self._url} does not answer: {error or type(error).__name__}") from error


def _said(body: bytes) -> str:
    """What a stranger said, fit to print."""
    return ascii(body[:200].decode("utf-8", "replace").strip())

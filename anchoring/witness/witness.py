"""A witness of one log: it cosigns a checkpoint only after every new leaf was fetched and every rule replayed.

For each `add-checkpoint` (C2SP tlog-witness), under one lock from the comparison of sizes to the commit:

1. The request is read: 400. The origin is ours: 404. The log's key signed it: 403. `old` is not past the size: 400.
2. `old` is the size last cosigned: 409, with that size.
3. The consistency proof leads from the root last cosigned to the new one: 422.
4. All new leaves are fetched and judged against all earlier ones, make the new root, and lie under the tiles that the
   log serves (`anchoring.witness.replay`): 422 names leaf and rule, or the file; 503 says that the
   log does not give it.
5. The cosignature is made and committed with the new head; then, and only then, it is answered.

| we crash | what is there | after a restart |
|---|---|---|
| while replaying | rows past the head, good up to where `replayed.json` says | it goes on there |
| before the head is replaced | rows, and perhaps an entry, past the head | nothing was cosigned; they are overwritten |
| after it, before the answer | the head and its cosignature | 409 with the new size; from there it cosigns again |
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus

from anchoring import checkpoint, note
from anchoring.auditing.audit import MAX_AUDITED
from anchoring.chain.signers import CheckpointSigner
from anchoring.checkpoint import Checkpoint
from anchoring.errors import AnchoringError, Malformed, Refuted
from anchoring.merkle import EMPTY_ROOT, verify_consistency
from anchoring.note import Note, Signature, Signer
from anchoring.tree.fetching import WHOLE, Batch
from anchoring.tree.tiles import Source
from anchoring.witness.disk import OnStep
from anchoring.witness.evidence import Evidence
from anchoring.witness.position import Cosigned, Position
from anchoring.witness.protocol import Answer, Conflict, Refusal, Request, parse_request
from anchoring.witness.replay import Replayer, Unlawful
from anchoring.witness.state import Head, WitnessState
from registry.keyfile import no_step
from registry.procedure.clock import USUAL, Bounds

LOCK_WAIT_S = 5.0
"""How long a request waits for the one before it; a long catch-up is answered with 503, and goes on."""


@dataclass(frozen=True, slots=True)
class WitnessKeys:
    """What an authority signs with: `signer` cosigns notes, `chain` signs for the contract, here or elsewhere."""

    signer: Signer
    chain: CheckpointSigner


@dataclass(frozen=True, slots=True)
class Contract:
    """The contract that the EIP-712 signatures are for."""

    chain_id: int
    address: str


class Witness:
    """Cosigns the checkpoints of the one log whose leaves are at `source`."""

    def __init__(
        self,
        state: WitnessState,
        source: Source,
        log: note.Verifier,
        keys: WitnessKeys,
        clock: Callable[[], int],
        contract: Contract | None = None,
        on_step: OnStep = no_step,
        batch: Batch = WHOLE,
        lock_wait_s: float = LOCK_WAIT_S,
        bounds: Bounds = USUAL,
    ) -> None:
        """Take up the state where it was left. `clock` gives Unix milliseconds; `on_step` is told each step.

        `batch` is what is replayed at a time, `lock_wait_s` how long a request waits for the one before it, `bounds`
        what a leaf's time may be. Raises
        Malformed when the state is damaged.
        """
        self._state, self._source, self._log, self._keys = state, source, log, keys
        self._clock, self._contract, self._on_step = clock, contract, on_step
        self._evidence = Evidence(state.folder / "evidence", on_step)
        self._replayer = Replayer(state, source, batch, on_step, clock, bounds=bounds)
        self._lock, self._lock_wait_s = threading.Lock(), lock_wait_s

    def close(self) -> None:
        """Stop fetching; the state is closed by whoever opened it."""
        self._replayer.close()

    @property
    def origin_hash(self) -> str:
        """The log's name in the monitoring prefix: SHA-256 of its origin, in hex."""
        return sha256(self._log.name.encode()).hexdigest()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer one `add-checkpoint`; never raises an error of ours."""
        try:
            request, signed, tree = self._read(body)
            with self._alone():
                cosignature = self._advance(request, signed, tree)
        except Refusal as refusal:
            return refusal.answer
        except (AnchoringError, OSError) as error:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n".encode())
        return Answer(HTTPStatus.OK, f"{cosignature.line}\n".encode())

    def last_checkpoint(self) -> Answer:
        """Answer the monitoring prefix's `checkpoint`: the last one, with the log's signature and ours."""
        last = self._state.head.note
        if last is None:
            return Answer(HTTPStatus.NOT_FOUND, b"nothing was cosigned yet\n")
        return Answer(HTTPStatus.OK, last.encode())

    def chain_signature(self, size: int) -> Answer:
        """Answer `signature/<size>`: the EIP-712 signature of a tree that was cosigned, as JSON; grams are integers."""
        if self._contract is None:
            return Answer(HTTPStatus.NOT_FOUND, b"this witness signs for no contract\n")
        # Without the lock: an entry is whole before the head that makes it count, and does not change after.
        try:
            tree = self._state.cosigned(size) if size else None
        except Malformed as error:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n".encode())
        if tree is None:
            return Answer(HTTPStatus.NOT_FOUND, b"no checkpoint of this size was cosigned\n")
        figures = (tree.size, tree.root, tree.frontier_g, tree.ended_g)
        try:
            signature = self._keys.chain.sign_checkpoint(self._contract.chain_id, self._contract.address, *figures)
        except AnchoringError as error:  # a signer elsewhere is down, or gave something else
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n".encode())
        said = {
            "chain_id": self._contract.chain_id,
            "contract": self._contract.address,
            "size": tree.size,
            "root": tree.root.hex(),
            "frontier_g": tree.frontier_g,
            "ended_g": tree.ended_g,
            "address": self._keys.chain.address,
            "signature": signature.hex(),
        }
        return Answer(HTTPStatus.OK, f"{json.dumps(said)}\n".encode(), "application/json")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._lock_wait_s):
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the leaves of an earlier checkpoint are being replayed")
        try:
            yield
        finally:
            self._lock.release()

    def _read(self, body: bytes) -> tuple[Request, Note, Checkpoint]:
        """Read a request as far as it can be judged without our state."""
        try:
            request = parse_request(body)
            signed = note.parse(request.note)
            tree = checkpoint.parse(signed.text)
        except Malformed as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from None
        if tree.origin != self._log.name:
            raise Refusal(HTTPStatus.NOT_FOUND, "this witness does not know a log of that origin")
        try:
            is_signed = bool(note.verify(signed, [self._log]))
        except Refuted as error:
            raise Refusal(HTTPStatus.FORBIDDEN, str(error)) from None
        if not is_signed:
            raise Refusal(HTTPStatus.FORBIDDEN, "the checkpoint is not signed by the log's key")
        if request.old > tree.size:
            raise Refusal(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint's")
        return request, signed, tree

    def _advance(self, request: Request, signed: Note, tree: Checkpoint) -> Signature:
        """Check a checkpoint against the state, make it the last cosigned one, and give the cosignature."""
        head = self._state.head
        self._look_for_split(signed, tree)
        if request.old != head.tree.size:
            raise Conflict(head.tree.size)
        if tree.size == 0 and tree.root != EMPTY_ROOT:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "the tree without leaves has another root")
        # The empty tree is a prefix of every tree, so any proof from there is one too many.
        if not verify_consistency(head.tree.size, tree.size, head.tree.root, tree.root, request.proof):
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "the consistency proof does not hold")
        replayed = self._replay(signed, tree)
        self._on_step("replayed")
        cosignature = self._keys.signer.cosign(signed.text, self._clock() // 1000)
        by_log = [one for one in signed.signatures if (one.name, one.key_id) == (self._log.name, self._log.key_id)]
        cosigned = Note(signed.text, (by_log[0], cosignature)).encode().decode()
        self._state.commit(Head(replayed.tree, replayed.peaks, cosigned), self._on_step)
        self._on_step("committed")
        return cosignature

    def _replay(self, signed: Note, tree: Checkpoint) -> Position:
        if tree.size > MAX_AUDITED:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"no contract takes more than {MAX_AUDITED} leaves")
        try:
            return self._replayer.replay(tree.size, tree.root)
        except Unlawful as found:
            with suppress(OSError):
                self._evidence.keep_unlawful(self._source, signed.encode().decode(), tree, found)
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(found)) from None
        except Refuted as found:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(found)) from None

    def _look_for_split(self, signed: Note, tree: Checkpoint) -> None:
        """Keep two checkpoints of one size with two roots, both signed by the log, as the evidence they are."""
        ours: Cosigned | None = self._state.cosigned(tree.size)
        if ours is not None and ours.root != tree.root:
            last = self._state.head.note if self._state.head.tree.size == tree.size else None
            with suppress(OSError):
                self._evidence.keep_split(tree, signed.encode().decode(), last, ours.root)

"""Faults planted on purpose, each through a seam that the project has: the simulation must find every one of them.

What it cannot find, it does not test for.
"""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from fastapi import Response

from anchoring.chain.anchorer import Anchorer
from anchoring.note import Signature
from anchoring.publishing.publisher import Publisher
from anchoring.witness.state import Head, WitnessState
from anchoring.witness.witness import Witness
from api.door.write import Act, Write
from registry.errors import Unavailable
from tests.simulation.world import Parts


class _CheckpointFirst(Publisher):
    """Publishes the checkpoint, and then its tiles."""

    def _put(self, files: Any, size: int) -> None:
        with self.transaction() as tx:
            note = tx.execute(sa.text("SELECT note FROM checkpoints WHERE size = :size"), {"size": size}).scalar_one()
        self.folder.write_checkpoint(self._cosigned(note.encode(), size))
        self.on_step("early")
        super()._put(files, size)


class _SkipsAnIndex(Publisher):
    """After a crash between staging and signing, leaves out the first index that was given."""

    def _take_up(self, tx: Any, log: Any, begin: Any) -> Any:
        tx.execute(sa.text("DELETE FROM log_entries WHERE index = :size"), {"size": log.size})
        return super()._take_up(tx, log, begin)


class _ForgetsOne(Publisher):
    """Drops a movement from the queue now and then."""

    def _sign_batch(self) -> bool:
        with self.transaction() as tx:
            tx.execute(sa.text("DELETE FROM unsequenced WHERE movement_id % 7 = 0"))
        return super()._sign_batch()


class _AnswersFirst(WitnessState):
    """Answers for a head that it writes down with the next one."""

    def commit(self, head: Head, on_step: Callable[[str], None]) -> None:
        before = (self.folder / "head.json").read_bytes()
        super().commit(head, on_step)
        (self.folder / "head.json").write_bytes(before)


class _SignsAnything(Witness):
    """Cosigns whatever the log's key signed."""

    def _advance(self, request: Any, signed: Any, tree: Any) -> Signature:
        try:
            return super()._advance(request, signed, tree)
        except Exception:  # noqa: BLE001  (that is the fault)
            return self._keys.signer.cosign(signed.text, self._clock() // 1000)


class _ForgetsReorganisations(Anchorer):
    """Takes it that what was anchored stays."""

    def _stands(self, _row: Any) -> bool:
        return True


class _HastilyFinal(Anchorer):
    """Calls final what has no block on top."""

    def settle(self) -> None:
        Anchorer.settle(replace(self, final_depth=0))


class _IgnoresKeys(Write):
    """Does an act as often as it is asked for."""

    _numbers = itertools.count()

    def perform(self, body: Mapping[str, Any], act: Act, *, at: str) -> Response:
        self._key = f"{self._key}.{next(self._numbers)}"
        return super().perform(body, act, at=at)


class _AnswersBeforeTheCommit(Write):
    """Says that an act was done, and does not look whether it was committed."""

    def perform(self, body: Mapping[str, Any], act: Act, *, at: str) -> Response:
        said: list[Mapping[str, Any]] = []

        def remembered(tx: sa.Connection) -> Mapping[str, Any]:
            said.append(act(tx))
            return said[-1]

        try:
            return super().perform(body, remembered, at=at)
        except Unavailable:
            if not said:
                raise
            return Response(json.dumps(said[-1]), 201)


RESTLESS = {"reorganise": 12.0}
PLANTED = {
    "the checkpoint is public before its tiles": Parts(publisher=_CheckpointFirst),
    "an index is skipped": Parts(publisher=_SkipsAnIndex),
    "an accepted act is forgotten": Parts(publisher=_ForgetsOne),
    "a witness answers before it persists": Parts(witness_state=_AnswersFirst),
    "a witness signs anything": Parts(witness=_SignsAnything),
    "the anchorer forgets reorganisations": Parts(anchorer=_ForgetsReorganisations, weights=RESTLESS),
    "an anchor is called final too early": Parts(anchorer=_HastilyFinal, weights=RESTLESS),
    "idempotency keys are ignored": Parts(write=_IgnoresKeys),
    "an act is answered before it is committed": Parts(write=_AnswersBeforeTheCommit),
}

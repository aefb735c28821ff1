"""State proofs: what grams are, and that they are nothing else, at the last epoch that is published."""

from dataclasses import dataclass
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator

from anchoring.errors import AnchoringError, Malformed, NotYet, Refuted, Unreachable
from anchoring.publishing.epochs import discard, open_map
from anchoring.state.proof import MAX_ENTRIES, SUFFIX, StateProof, check_entries
from anchoring.state.store import StateMap
from api.door.numbers import MAX_BIGINT, only_decimals
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.write import ByCentre, SiteOf
from api.installation.site import Site
from api.ledger import shapes as schemas
from api.ledger.receipts import make_receipt, receipt_note
from api.state.timetable import NEVER, wish
from registry.clock import rfc3339
from registry.database.schema import log_entries
from registry.errors import Invalid, NotFound, NothingToRecord, Unavailable
from registry.ledger.logged import Logged, leaf_at
from registry.ledger.publication import holds_movements, last_checkpoint

DEFAULT_ENTRIES = 200
"""Some 60 kB of proof."""

router = APIRouter(route_class=StrictRoute, prefix="/v1/state", tags=["state"])
_digits = BeforeValidator(only_decimals)
First = Annotated[int, Query(ge=0, le=MAX_BIGINT, description="First gram.", examples=[0]), _digits]
End = Annotated[int, Query(ge=1, le=MAX_BIGINT, description="One past the last gram.", examples=[1000]), _digits]
Entries = Annotated[
    int, Query(ge=1, le=MAX_ENTRIES, description="Entries in one proof, at most.", examples=[200]), _digits
]


@dataclass(frozen=True, slots=True)
class Proved:
    """A proof, and the record it stands on; `next_first` is where the range's next proof begins, None at its end."""

    proof: StateProof
    record: Logged
    next_first: int | None


@router.get(
    "",
    summary="Prove the state of grams",
    response_class=Response,
    responses={
        200: {
            "content": {"text/plain": {"schema": schemas.TEXT}},
            "description": "gramledger/state-proof/v1; a Link header names the next",
        },
        **documented(Invalid, NotFound, NotYet, Unreachable, Malformed, Refuted),
    },
)
def read_state(site: SiteOf, first_g: First, end_g: End, limit: Entries = DEFAULT_ENTRIES) -> Response:
    """Get a proof of what grams are at the last published epoch, up to `end_g`, exclusive; it verifies offline.

    A range of more than `limit` entries takes several proofs: the Link header names the next one.
    """
    proved = prove(site, first_g, end_g, limit)
    headers = {
        "Content-Disposition": f'attachment; filename="grams-{first_g}-{end_g - 1}{SUFFIX}"',
        "Cache-Control": "no-cache",
    }
    if proved.next_first is not None:
        headers["Link"] = f'</v1/state?first_g={proved.next_first}&end_g={end_g}&limit={limit}>; rel="next"'
    return Response(proved.proof.encode(), 200, headers, "text/plain; charset=utf-8")


@router.post(
    "",
    summary="Record the state now",
    status_code=201,
    response_class=Response,
    responses={201: {"model": schemas.StateAsked}, **documented(NothingToRecord)},
)
def ask_for_state(write: ByCentre) -> Response:
    """Have the state of all grams recorded as soon as the publisher gets to it; the centre does."""

    def act(tx: sa.Connection) -> dict[str, Any]:
        if not holds_movements(tx):
            raise NothingToRecord("Nothing is recorded yet, so there is no state of it. Ask after the first act.")
        wish(write.site.folder.state)
        return {"asked_at": rfc3339(write.site.ledger.clock())}

    return write.perform({}, act, at="/v1/state")


def prove(site: Site, first: int, last: int, limit: int) -> Proved:
    """Prove the state of grams `[first, last)`, with `limit` entries at most.

    Raises `NotYet` before the first epoch is published, `Unavailable` while a damaged map is being made again.
    """
    if first >= last:
        raise Invalid("end_g is one past the last gram, so it is larger than first_g.")
    with site.database.reading() as tx:
        published = last_checkpoint(tx)
        state = None if published is None else open_map(site.folder.state, published.size)
        if state is None:
            raise NotYet(f"The public log has no record of the state of the grams yet. {_recorded(site)} Ask then.")
        record = leaf_at(tx, state.record.size)
        note = receipt_note(tx, record.index)
        start, end = state.covering(first, last, limit)
        leaves = _leaves(tx, state, start, end)
    receipt = make_receipt(site, record, *note)
    try:
        proof = _proof(state, start, end, leaves, receipt)
        _check(proof, record)
    except (AnchoringError, ValueError, IndexError, KeyError, OverflowError):
        discard(site.folder.state, state.record.size)
        raise Unavailable("The map of the state was damaged and is being made again. Ask again in a minute.") from None
    reached = proof.shown[-1].last if proof.shown else last
    return Proved(proof, record, reached if reached < min(last, state.record.frontier_g) else None)


def _recorded(site: Site) -> str:
    """Say when the state is recorded."""
    asked = "whenever the centre asks for it (POST /v1/state)"
    at = site.settings.state_at
    return f"It is recorded {asked}." if at == NEVER else f"It is recorded each day at {at} in Shanghai, and {asked}."


def _check(proof: StateProof, record: Logged) -> None:
    """Raise Refuted for a proof that would not verify: then the map was damaged."""
    if record.movement != proof.record.movement(record.movement.at):
        raise Refuted("the map is of another state than the record")
    check_entries(proof)


def _proof(state: StateMap, start: int, end: int, leaves: dict[int, bytes], receipt: bytes) -> StateProof:
    shown, nodes = state.entries(start, end, leaves.__getitem__), state.nodes(start, end)
    of = state.record
    return StateProof(of.entries, of.frontier_g, of.root, start, tuple(shown), tuple(nodes), receipt)


def _leaves(tx: sa.Connection, state: StateMap, start: int, end: int) -> dict[int, bytes]:
    wanted = [index for index in state.index[start:end].tolist() if index <= MAX_BIGINT]
    place = log_entries.c.index
    rows = tx.execute(sa.select(place.label("place"), log_entries.c.leaf).where(place.in_(wanted)))
    return {row.place: bytes(row.leaf) for row in rows}

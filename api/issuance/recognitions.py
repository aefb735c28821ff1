"""What behaviours recognise without grams, over REST: a person reads theirs, everybody how many there are."""

from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel

from api.door.fields import Count, Grams, InChinese, InEnglish, Moment, SourceNumber, said
from api.door.numbers import AccountId
from api.door.problems import documented
from api.door.route import StrictRoute
from api.door.who import ForHolderOrReader
from api.door.write import SiteOf
from registry.accounts.accounts import open_row
from registry.clock import rfc3339
from registry.errors import AccountErased, NotFound
from registry.issuance import recognition
from registry.issuance.recognition import OfSource

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["batches"])
Saved = Annotated[
    Grams | None,
    said("What the acts saved by the methodology, if the behaviour is quantified; nobody holds these grams."),
]


class Recognised(BaseModel):
    """What a behaviour scenario recognises."""

    source: SourceNumber
    name_zh: InChinese
    name_en: InEnglish
    acts: Annotated[Count, said("Acts that are recognised.", 12)]
    saved_g: Saved

    @classmethod
    def of(cls, of: OfSource) -> Self:
        """Write one."""
        return cls(
            source=of.source_id, name_zh=of.name_zh, name_en=of.name_en, acts=of.acts, saved_g=of.quantity_g
        )  # fmt: skip


class OwnRecognised(Recognised):
    """What a behaviour scenario recognises of a person."""

    first_at: Annotated[Moment, said("When the first act began.")]
    last_at: Annotated[Moment, said("When the last one ended.")]

    @classmethod
    def of(cls, of: OfSource) -> Self:
        """Write one."""
        shown = Recognised.of(of).model_dump()
        return cls(**shown, first_at=rfc3339(of.first_ms or 0), last_at=rfc3339(of.last_ms or 0))


class Recognitions(BaseModel):
    """Behaviour scenarios and what they recognise."""

    items: Annotated[list[Recognised], said("By the scenario's number.")]


class OwnRecognitions(BaseModel):
    """What is recognised of a person."""

    items: Annotated[list[OwnRecognised], said("By the scenario's number.")]


@router.get("/recognitions", summary="Count what is recognised without grams")
def read_recognitions(site: SiteOf) -> Recognitions:
    """Read how many acts each behaviour scenario recognises. Nothing of it is in the log: it is our word."""
    with site.database.reading() as tx:
        return Recognitions(items=[Recognised.of(one) for one in recognition.of_everybody(tx)])


@router.get(
    "/accounts/{account_id}/recognitions",
    summary="List what is recognised of an account without grams",
    dependencies=[ForHolderOrReader],
    responses=documented(NotFound, AccountErased),
)
def read_own_recognitions(account_id: AccountId, site: SiteOf) -> OwnRecognitions:
    """Read what behaviour scenarios recognise of a person. It is no grams, and nothing can be done with it."""
    with site.database.reading() as tx:
        open_row(tx, account_id)
        return OwnRecognitions(items=[OwnRecognised.of(one) for one in recognition.of_account(tx, account_id)])

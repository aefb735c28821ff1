"""The shapes of opinions, and how they read in JSON."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, StrictBool, StrictStr

from api.door.fields import Body, CaseNumbered, Moment, Numbered, OfficerName, Sha256, one_of, said, words
from api.door.times import shown_time
from registry.opinions.opinions import MAX_TEXT_CHARS, Request, State
from registry.procedure.decision import STANCES

RequestNumber = Annotated[Numbered, said("The request's number.", 5)]
ExpertName = Annotated[StrictStr, said("A number of the register: GET /v1/experts.", "expert:3")]


class NewRequest(Body):
    """Who is asked."""

    expert: ExpertName


class NewOpinion(Body):
    """An opinion."""

    stance: Annotated[StrictStr, one_of(STANCES, "What it comes to.")]
    reason: Annotated[StrictStr, said("PUBLIC: a word, beside the number.", "sound-baseline")]
    text: Annotated[
        StrictStr,
        words(MAX_TEXT_CHARS, "Its grounds and conditions. For officers, not public.", "The baseline is sound."),
    ]
    no_interest: Annotated[StrictBool, said("Who gives it declares to have no interest in the case.", True)]


class Recusal(Body):
    """Why no opinion is given."""

    reason: Annotated[StrictStr, said("A word.", "interest")]


class RequestState(BaseModel):
    """A request for an opinion, as an act answers it."""

    request: RequestNumber
    state: Annotated[str, one_of(State, "How it stands.")]
    digest: Annotated[
        Sha256 | None,
        said("SHA-256 of the opinion's document, as the next decision names it; null until one is given.", "5f" * 32),
    ]

    @classmethod
    def of(cls, of: Request) -> dict[str, Any]:
        """Write what an act answers."""
        return {"request": of.id, "state": str(of.state), "digest": None if of.digest is None else of.digest.hex()}


class OpinionRequest(RequestState):
    """A request for an opinion on a case, and what came of it."""

    case: Annotated[CaseNumbered, said("What it is about.", "M-3")]
    about: Annotated[Sha256, said("The digest of the case's last decision when it was asked.", "5f" * 32)]
    expert: Annotated[str, said("Who is asked.", "expert:3")]
    asked_by: Annotated[OfficerName, said("The officer who asked.", "centre:1")]
    asked_at: Annotated[Moment, said("When it was asked.")]
    ended_at: Annotated[Moment | None, said("When it was answered, declined or taken back; null before.")]
    stance: Annotated[Annotated[str, one_of(STANCES)] | None, said("What the opinion comes to; null without one.")]
    reason: Annotated[str | None, said("A word, public; null before.", "sound-baseline")]
    text: Annotated[str | None, said("Its grounds and conditions; null without one.", "The baseline is sound.")]

    @classmethod
    def whole(cls, of: Request) -> Self:
        """Write a request."""
        return cls(**_facts(of))


class OpinionRequests(BaseModel):
    """Requests for opinions."""

    items: Annotated[list[OpinionRequest], said("Requests, and what came of them.")]


class Matter(OpinionRequest):
    """A request with what the opinion is about, for who is asked."""

    matter: Annotated[
        dict[str, Any],
        said(
            "A methodology's text, or what a source was applied for with.", {"definition": {"id": "bus", "version": 2}}
        ),
    ]

    @classmethod
    def of_request(cls, of: Request, matter: dict[str, Any]) -> Self:
        """Write a request with its matter."""
        return cls(**_facts(of), matter=matter)


def _facts(of: Request) -> dict[str, Any]:
    return {
        **RequestState.of(of),
        "case": of.case,
        "about": of.about.hex(),
        "expert": str(of.who),
        "asked_by": of.asked_by,
        "asked_at": shown_time(of.asked_ms),
        "ended_at": shown_time(of.ended_ms),
        "stance": of.stance,
        "reason": of.reason,
        "text": of.text,
    }

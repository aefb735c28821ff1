"""The shapes of answers about jobs, for OpenAPI. What is answered is built in `views`."""

from typing import Annotated, Literal

from pydantic import BaseModel

from api.door.fields import BundleSerial, Digits, Grams, Link, Moment, one_of, said
from api.ledger.shapes import ActAnswer, BundleAnswer, CancelAnswer

ACTS = ("conversions", "redemptions", "refunds", "returns", "bundles", "transfers", "cancellations")


class JobProblem(BaseModel):
    """What kept a job from being done, as the act itself would have been refused; nothing of it was done.

    Of a gathering, bundles made on the way stay: the account holds them.
    """

    type: Annotated[str, said("What went wrong, for programs.", "urn:gramledger:problem:insufficient")]
    title: Annotated[str, said("The same for people, in a few words.", "Not enough grams")]
    detail: Annotated[str, said("What is wrong, and what to do.", "The account holds 30 g as reduction.")]


class Job(BaseModel):
    """An act that takes long. Until it has ended, no other act takes grams of the account."""

    job: Annotated[Digits, said("The job's number.")]
    url: Annotated[Link, said("Where it is read.", "/v1/accounts/2/jobs/7")]
    kind: Annotated[str, one_of(ACTS, "The path that asked for it.")]
    state: Annotated[Literal["waiting", "running", "done", "failed"], said("How it stands.")]
    asked_at: Moment
    ended_at: Annotated[Moment | None, said("When it was done or failed; null until then.")]
    quantity_g: Annotated[Grams, said("Grams it is about.")]
    done_g: Annotated[Grams, said("Grams taken by now.", 400)]
    bundles: Annotated[
        list[BundleSerial], said("Of a gathering under way: the bundles made on the way to the one.", [])
    ]
    answer: Annotated[CancelAnswer | BundleAnswer | ActAnswer | None, said("What the act answers, once it is done.")]
    problem: Annotated[JobProblem | None, said("Why it failed; null of one that did not.")]


class Jobs(BaseModel):
    """An account's jobs, the newest first."""

    items: Annotated[list[Job], said("The newest first, a hundred at most.")]

"""The shapes of answers about jobs, for OpenAPI. What is answered is built in `views`."""

from typing import Literal

from pydantic import BaseModel, Field

from api.ledger.shapes import ActAnswer, BundleAnswer, CancelAnswer


class JobProblem(BaseModel):
    """What kept a job from being done, as the act itself would have been refused; nothing of it was done.

    Of a gathering, bundles made on the way stay: the account holds them.
    """

    type: str
    title: str
    detail: str


class Job(BaseModel):
    """An act that takes long. Until it has ended, no other act takes grams of the account."""

    job: str
    url: str = Field(description="Where it is read.")
    kind: str = Field(description="The path that asked for it: returns, bundles, transfers, ...")
    state: Literal["waiting", "running", "done", "failed"]
    asked_at: str
    ended_at: str | None
    quantity_g: int = Field(description="Grams it is about.")
    done_g: int = Field(description="Grams taken by now.")
    bundles: list[str] = Field(description="Of a gathering under way: the bundles made on the way to the one.")
    answer: CancelAnswer | BundleAnswer | ActAnswer | None = Field(description="What the act answers, once it is done.")
    problem: JobProblem | None


class Jobs(BaseModel):
    """An account's jobs, the newest first."""

    items: list[Job]

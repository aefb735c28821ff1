"""The shapes of policies, and how they read in JSON."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from registry.clock import rfc3339
from registry.ledger.queries import Page
from registry.policies import versions
from registry.policies.kinds import kind_of


class Policy(BaseModel):
    """A version of a policy."""

    name: Annotated[str, Field(examples=["points"])]
    title_zh: Annotated[str, Field(examples=["碳积分有效期"])]
    title_en: Annotated[str, Field(examples=["How long points are valid"])]
    case: Annotated[str, Field(description="The number of its case.", examples=["P-8"])]
    in_force: Annotated[str, Field(description="Since when it holds, or will hold.")]
    value: Annotated[dict[str, Any], Field(description="Its value, as published.", examples=[{"validity_years": 2}])]
    index: Annotated[int, Field(description="The leaf of the decision that published it.", examples=[17])]

    @classmethod
    def of(cls, of: versions.Version) -> Self:
        """Write a version; a name of which this program knows nothing has itself for a title."""
        kind = kind_of(of.name)
        zh, en = (kind.zh, kind.en) if kind else (of.name, of.name)
        return cls(
            name=of.name,
            title_zh=zh,
            title_en=en,
            case=of.case,
            in_force=rfc3339(of.in_force_ms),
            value=dict(of.value),
            index=of.index,
        )


class InForce(BaseModel):
    """The policies that hold at a time."""

    at: Annotated[str, Field(description="The time that was asked for, or now.")]
    items: list[Policy]


class Versions(BaseModel):
    """A page of the versions of one policy, newest first."""

    items: list[Policy]
    next_cursor: str | None

    @classmethod
    def of(cls, of: Page[versions.Version]) -> Self:
        """Write a page."""
        return cls(items=[Policy.of(one) for one in of.items], next_cursor=of.next_cursor)

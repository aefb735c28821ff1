"""The shapes of policies, and how they read in JSON."""

from typing import Annotated, Self

from pydantic import BaseModel

from api.door.fields import CaseNumbered, InChinese, InEnglish, LeafIndex, Moment, NextCursor, PolicyValue, said
from registry.clock import rfc3339
from registry.ledger.queries import Page
from registry.policies import versions
from registry.policies.kinds import kind_of

PolicyName = Annotated[str, said("The policy's name.", "points")]


class Policy(BaseModel):
    """A version of a policy."""

    name: PolicyName
    title_zh: Annotated[InChinese, said("What it says, in Chinese.", "碳积分有效期")]
    title_en: Annotated[InEnglish, said("What it says, in English.", "How long points are valid")]
    case: CaseNumbered
    in_force: Annotated[Moment, said("Since when it holds, or will hold.", "2027-01-01T00:00:00.000Z")]
    value: PolicyValue
    index: Annotated[LeafIndex, said("The leaf of the decision that published it.", 17)]

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

    at: Annotated[Moment, said("The time that was asked for, or now.")]
    items: Annotated[list[Policy], said("By name.")]


class Versions(BaseModel):
    """A page of the versions of one policy, newest first."""

    items: Annotated[list[Policy], said("Newest first.")]
    next_cursor: NextCursor

    @classmethod
    def of(cls, of: Page[versions.Version]) -> Self:
        """Write a page."""
        return cls(items=[Policy.of(one) for one in of.items], next_cursor=of.next_cursor)

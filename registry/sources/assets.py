"""What an application says its assets are known by, held against every list that counts, and against other sources.

The same asset, or whoever is within the quota boundary, is refused with the rule and the list (第十七、二十三条). What
is near is shown to an officer, who says whether it is the same and why; the next decision has that in its document.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.accounts import account_row
from registry.accounts.accounts import name_in as account_name
from registry.accounts.vault import Vault
from registry.database.personal import Erased
from registry.database.schema import source_assets
from registry.errors import Conflict, Invalid, NotFound, RegisteredElsewhere, WithinQuota
from registry.ledger.ledger import Ledger
from registry.sources.lists import List, Purpose, counting
from registry.sources.matching import ASSET_KINDS, identifier_in, is_near_identifier, is_near_name, name_in
from registry.sources.sources import NewSource, Source
from registry.words import checked_words

MOST_ASSETS: Final = 64
MAX_IDENTIFIER_CHARS: Final = 100
MOST_NEAR: Final = 500
"""Near matches of one source; more means that what it says is no name."""
CHECKED: Final = frozenset({"accept", "publish", "renew"})
"""Decisions on a source before which it is held against the lists."""
_SEALED: Final = "source-asset"


@dataclass(frozen=True, slots=True)
class Asset:
    """What a source's asset is known by."""

    kind: str
    identifier: str = field(repr=False)

    @property
    def normal(self) -> str:
        """The identifier as it is compared."""
        return identifier_in(self.identifier)


@dataclass(frozen=True, slots=True)
class Judgement:
    """An officer's word on a near match."""

    by: str
    same: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Match:
    """An entry of a list that is what an application says, or near to it; `of` says to which of its words."""

    of: str
    list: List
    place: int
    kind: str | None
    identifier: str | None
    entity: str | None
    is_same: bool
    judgement: Judgement | None = None


def checked_assets(kind: str, stated: Sequence[Asset]) -> tuple[Asset, ...]:
    """Give back what an application states. Raises `Invalid`; a project states one asset at least."""
    if len(stated) > MOST_ASSETS:
        raise Invalid(f"An application states {MOST_ASSETS} assets at most; name a fleet or a site as one.")
    for asset in stated:
        if asset.kind not in ASSET_KINDS:
            raise Invalid(f"An asset is known by one of: {', '.join(ASSET_KINDS)}.")
        checked_words(asset.identifier, "An asset's identifier", MAX_IDENTIFIER_CHARS)
        if not asset.normal:
            raise Invalid("An asset's identifier has letters or digits.")
    if len({(asset.kind, asset.normal) for asset in stated}) < len(stated):
        raise Invalid("An application states each asset once.")
    if kind == "project" and not stated:
        raise Invalid("A project states what its assets are known by: meters, plates, codes under other mechanisms.")
    return tuple(stated)


def keep_assets(tx: sa.Connection, vault: Vault, source_id: int, stated: Sequence[Asset]) -> None:
    """Keep what a source's assets are known by: sealed, and beside it a keyed digest by which it is known again."""
    rows = [
        {
            "source_id": source_id, "place": place, "kind": asset.kind, "digest": _digest(vault, asset),
            "identifier": vault.seal_words(_SEALED, asset.identifier.encode()),
        }
        for place, asset in enumerate(stated, 1)
    ]  # fmt: skip
    if rows:
        tx.execute(sa.insert(source_assets), rows)


def assets_of(tx: sa.Connection, vault: Vault, source_id: int) -> tuple[Asset, ...]:
    """Give what a source's assets are known by, as far as that was not erased."""
    return tuple(
        Asset(row.kind, vault.open_words(_SEALED, bytes(row.identifier)).decode())
        for row in tx.execute(_OF_SOURCE, {"source": source_id})
    )


def refuse_listed(
    tx: sa.Connection, vault: Vault, new: NewSource, stated: Sequence[Asset], source_id: int | None = None
) -> None:
    """Refuse what is the same as an entry of a list, or as an asset of another source that was not refused.

    Raises `WithinQuota` (第十七条) or `RegisteredElsewhere` (第二十三条), with the list, its date and origin.
    """
    for match in _matches(tx, vault, new, stated):
        if match.is_same:
            raise _refusal(match)
    digests = [_digest(vault, asset) for asset in stated]
    for row in tx.execute(_ELSEWHERE, {"digests": digests, "source": source_id or 0}):
        raise RegisteredElsewhere(f"A {row.kind} that it states is one of source {row.source_id} already (第二十三条).")


def matches(tx: sa.Connection, vault: Vault, source: Source) -> list[Match]:
    """Give what the lists that count have of a source, the same or near, with what officers said of each."""
    judged = {
        (row.list_id, row.place): Judgement(row.officer, row.same, row.reason)
        for row in tx.execute(_JUDGED, {"source": source.id})
    }
    found = _matches(tx, vault, source, assets_of(tx, vault, source.id))
    return [
        Match(
            one.of, one.list, one.place, one.kind, one.identifier, one.entity, one.is_same,
            judged.get((one.list.id, one.place)),
        )
        for one in found
    ]  # fmt: skip


def judge_match(
    tx: sa.Connection, ledger: Ledger, source: Source, at_list: int, place: int, said: Judgement
) -> list[Match]:
    """Note what an officer says of a near match; gives those that are left.

    Call it under the case's lock. Raises `NotFound` for what is no match of this source, `Conflict` for what is the
    same to the letter.
    """
    found = matches(tx, ledger.vault, source)
    match = next((one for one in found if (one.list.id, one.place) == (at_list, place)), None)
    if match is None:
        raise NotFound(f"Entry {place} of list {at_list} is near to nothing of source {source.id}.")
    if match.is_same:
        raise Conflict("This is the same to the letter: there is nothing to judge. Refuse the application.")
    row = {"source_id": source.id, "list_id": at_list, "place": place, "at_ms": ledger.clock()}
    tx.execute(_JUDGE, row | {"officer": said.by, "same": said.same, "reason": said.reason})
    return [one for one in found if one is not match and not one.is_same and one.judgement is None]


def held_against_lists(tx: sa.Connection, vault: Vault, source: Source) -> dict[str, str | list[str]]:
    """Hold a source against every list that counts; gives what its decision says of that.

    `lists` names each with date and SHA-256, `matches` what was near: list, place, what an officer said, why, and who.
    Raises `RegisteredElsewhere`, `WithinQuota`, and `Conflict` while an officer is still to judge what is near.
    """
    refuse_listed(tx, vault, source, assets_of(tx, vault, source.id), source.id)
    judged: list[str] = []
    for match in matches(tx, vault, source):
        word = match.judgement
        if word is None:
            raise Conflict(
                f"Entry {match.place} of the list {match.list.name} is near to {match.of}. An officer of the centre "
                f"says first whether it is the same: GET and POST /v1/cases/S-{source.id}/matches."
            )
        if word.same:
            raise _refusal(match)
        judged.append(f"{match.list.name} {match.place} other {word.reason} {word.by}")
    said: dict[str, str | list[str]] = {"lists": [str(one) for one in counting(tx)]}
    return said | ({"matches": sorted(set(judged))} if judged else {})


def _refusal(match: Match) -> RegisteredElsewhere | WithinQuota:
    of = match.list
    where = f"entry {match.place} of the list {of.name} of {of.dated.isoformat()} ({of.origin})"
    if of.purpose is Purpose.QUOTA:
        return WithinQuota(f"{match.of.capitalize()} is within the quota boundary (第十七条): {where}.")
    return RegisteredElsewhere(f"{match.of.capitalize()} is registered under another mechanism (第二十三条): {where}.")


def _matches(tx: sa.Connection, vault: Vault, new: NewSource, stated: Sequence[Asset]) -> list[Match]:
    lists = {one.id: one for one in counting(tx)}
    if not lists:
        return []
    names = dict(_names(tx, vault, new))
    found: dict[tuple[int, int], Match] = {}
    for row in tx.execute(_ENTRIES, {"lists": list(lists)}):
        match = _match(lists[row.list_id], row, stated, names)
        if match is not None:
            found[row.list_id, row.place] = match
        if len(found) > MOST_NEAR:
            raise Invalid(f"More than {MOST_NEAR} entries are near to what it says; name it more exactly.")
    return sorted(found.values(), key=lambda one: (not one.is_same, one.list.name, one.place))


def _match(of: List, row: sa.Row[Any], stated: Sequence[Asset], names: dict[str, str]) -> Match | None:
    near: Match | None = None
    for what, is_same in (*_near_assets(row, stated), *_near_names(of, row, names)):
        if is_same or near is None:
            near = Match(what, of, row.place, row.kind, row.identifier, row.entity, is_same)
        if is_same:
            break
    return near


def _near_assets(row: sa.Row[Any], stated: Sequence[Asset]) -> Iterator[tuple[str, bool]]:
    if row.identifier_normal is not None:
        for asset in stated:
            if is_same := (asset.kind, asset.normal) == (row.kind, row.identifier_normal):
                yield f"the {asset.kind} {asset.identifier}", is_same
            elif is_near_identifier(asset.normal, row.identifier_normal):
                yield f"the {asset.kind} {asset.identifier}", False


def _near_names(of: List, row: sa.Row[Any], names: dict[str, str]) -> Iterator[tuple[str, bool]]:
    """Who applies is in the boundary when the list has that very name; projects of one name may still be two."""
    if row.entity_normal:
        for what, name in names.items():
            if of.purpose is Purpose.QUOTA and what in _WHO and name == row.entity_normal:
                yield what, True
            elif (of.purpose is Purpose.REGISTRY or what in _WHO) and is_near_name(name, row.entity_normal):
                yield what, False


def _names(tx: sa.Connection, vault: Vault, new: NewSource) -> Iterator[tuple[str, str]]:
    for what, number in zip(_WHO, (new.applicant_id, new.developer_id), strict=True):
        name = None if number is None else account_name(vault, account_row(tx, number))
        if name is not None:
            yield what, name_in(name)
    yield "the name in Chinese", name_in(new.name_zh)
    yield "the name in English", name_in(new.name_en)


def _digest(vault: Vault, asset: Asset) -> bytes:
    return vault.keyed_digest(_SEALED, f"{asset.kind}\0{asset.normal}".encode())


def _leave(tx: sa.Connection, account: Erased) -> None:
    """Take away what a source of this applicant stated; the digest stays, or the asset could be applied with again."""
    tx.execute(_FORGET, {"account": account.number})


_WHO: Final = ("the applicant", "the developer")
_OF_SOURCE = sa.text("""
    SELECT kind, identifier FROM source_assets WHERE source_id = :source AND identifier IS NOT NULL ORDER BY place
""")
_ENTRIES = sa.text("""
    SELECT list_id, place, kind, identifier, entity, identifier_normal, entity_normal FROM list_entries
    WHERE list_id = ANY (:lists) ORDER BY list_id, place
""")
_JUDGED = sa.text("SELECT list_id, place, officer, same, reason FROM match_judgements WHERE source_id = :source")
_JUDGE = sa.text("""
    INSERT INTO match_judgements (source_id, list_id, place, officer, same, reason, at_ms)
    VALUES (:source_id, :list_id, :place, :officer, :same, :reason, :at_ms)
    ON CONFLICT (source_id, list_id, place) DO UPDATE
    SET officer = excluded.officer, same = excluded.same, reason = excluded.reason, at_ms = excluded.at_ms
""")
_ELSEWHERE = sa.text("""
    SELECT a.source_id, a.kind FROM source_assets a CROSS JOIN LATERAL (
        SELECT CAST(e.public AS jsonb) #>> '{to,1}' AS state FROM decisions d
        JOIN movements m ON m.id = d.movement_id JOIN evidence e ON e.digest = m.evidence
        WHERE d.case_number = 'S-' || a.source_id ORDER BY d.movement_id DESC LIMIT 1
    ) last WHERE a.digest = ANY (:digests) AND a.source_id <> :source AND last.state NOT IN ('refused', 'ended')
    ORDER BY a.source_id LIMIT 1
""")
_FORGET = sa.text("""
    UPDATE source_assets SET identifier = NULL
    WHERE source_id IN (SELECT id FROM sources WHERE applicant_id = :account OR developer_id = :account)
""")
ERASING = (_leave,)

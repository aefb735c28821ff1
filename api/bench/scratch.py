"""A scratch installation to measure: a small scheme with people who hold grams, in a folder of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from api.installation.officers import BUREAU, CENTRE, OFFICERS
from api.installation.site import Site
from registry.accounts.accounts import INDIVIDUAL, INSTITUTION, open_account
from registry.activities.activities import Activity
from registry.issuance.issue import issue
from registry.issuance.report import Report
from registry.ledger.ledger import Amount
from registry.methodologies.published import publish_methodology
from registry.methodologies.shelf import find
from registry.points.points import convert
from registry.policies.first import AT_ONCE, publish_first
from registry.procedure.values import PUBLICITY
from registry.sources.approval import approve
from registry.sources.sources import NewSource, Source

METHODOLOGY = "shared-bicycle"
GRAMS_EACH = 10_000_000
"""Enough for every act of a run, small enough to be exact everywhere."""


@dataclass(frozen=True, slots=True)
class People:
    """Accounts that hold reductions and points, and a benefit provider."""

    holders: list[int]
    provider: int
    source: Source


def found_scenario(tx: sa.Connection, site: Site) -> Source:
    """Set up the first policies, a methodology, a platform, and its scenario."""
    ledger = site.ledger
    publish_first(tx, ledger, BUREAU, {PUBLICITY: AT_ONCE})
    publish_methodology(tx, ledger, find(METHODOLOGY), CENTRE, BUREAU)
    platform = open_account(tx, ledger.vault, kind=INSTITUTION, name="Bench platform", at=ledger.clock())
    return _scenario(tx, site, platform)


def found_scheme(site: Site, count: int) -> People:
    """Set up a scenario and `count` people, each with as many reductions as points."""
    ledger = site.ledger
    at = ledger.clock()
    with site.database.transaction() as tx:
        source = found_scenario(tx, site)
        provider = open_account(tx, ledger.vault, kind=INSTITUTION, name="Bench provider", at=at)
        holders = [
            open_account(tx, ledger.vault, kind=INDIVIDUAL, name=f"Bench person {number}", at=at)
            for number in range(count)
        ]
        _issue(tx, site, source, holders)
    for holder in holders:
        with site.database.transaction() as tx:
            convert(tx, ledger, holder, Amount(GRAMS_EACH // 2))
    return People(holders, provider, source)


def _scenario(tx: sa.Connection, site: Site, platform: int) -> Source:
    record = find(METHODOLOGY)
    until = int(datetime(2028, 1, 1, tzinfo=UTC).timestamp()) * 1000
    window = record.validity.from_ms, until
    scenario = NewSource("scenario", "测量", "Bench", platform, record.key, record.version, *window)
    return approve(tx, site.ledger, scenario, OFFICERS)


def _issue(tx: sa.Connection, site: Site, source: Source, holders: list[int]) -> None:
    start = source.valid_from_ms
    done = [Activity(f"bench-{holder}", holder, start, start + 600_000, GRAMS_EACH) for holder in holders]
    issue(tx, site.ledger, Report(source, done, {"bench": True}), CENTRE)

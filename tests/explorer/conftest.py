"""A small story for the pages to tell, and a browser to read them with."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, sync_playwright

from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.ledger.ledger import Amount
from registry.points.points import convert, redeem, refund, return_points
from tests.support.running import Live

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Story:
    """Grams `[first, first + 3_000_000)`: issued to two riders, converted, redeemed, refunded in part, returned,
    transferred, cancelled. Numbers are movements'."""

    lot: int
    first: int
    convert: int
    refund: int
    cancel: int
    certificate: str
    cancelled: tuple[int, int]
    recorded: int
    """A movement that is not logged yet."""


@pytest.fixture(scope="session")
def story(live: Live) -> Story:
    """What happened, published and anchored but for its last movement."""
    ledger = live.site.ledger
    rider, other = live.person("Rider"), live.person("Other rider")
    provider, company = live.institution("Benefit provider"), live.institution("绿色出行有限公司")
    lot = live.issue({rider: 2_000_000, other: 1_000_000})
    with live.site.database.transaction() as tx:
        points = convert(tx, ledger, rider, Amount(1_500_000))
        spent = redeem(tx, ledger, rider, provider, Amount(1_000_000), "order-1")
        undone = refund(tx, ledger, provider, spent.act_id, Amount(200_000))
        return_points(tx, ledger, provider, Amount(800_000))
        transfer(tx, ledger, provider, company, Amount(700_000), "agreement", "agreement-1")
        intent = Intent("reduction", "voluntary-offset", "2026 年会", "Travel of the annual meeting")
        done = cancel(tx, ledger, company, Amount(650_000), intent)
    live.publish()
    with live.site.database.transaction() as tx:
        late = convert(tx, ledger, rider, Amount(1_000))
    ended = done.posted.movements[0]
    return Story(
        lot.id,
        lot.first,
        points.movements[0].id,
        undone.movements[0].id,
        ended.id,
        done.certificate,
        (ended.movement.first, ended.movement.last),
        late.movements[0].id,
    )


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or the one that playwright brought."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()

"""The demonstration: real or synthetic rides through the whole life of a gram, proven from outside at the end."""

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from api.installation.officers import BUREAU, CENTRE, OFFICERS
from api.installation.site import Site
from api.ledger.receipts import file_name, index_of, make_receipt, receipt_note
from registry.accounts.accounts import INDIVIDUAL, INSTITUTION, named, open_account
from registry.activities.rides.ridefile import read_ride_file
from registry.activities.rides.rides import write_rejects
from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.database.schema import methodologies, sources
from registry.errors import Invalid
from registry.issuance.ride_report import RideIssue, issue_rides
from registry.ledger.ledger import Amount
from registry.ledger.logged import leaf_at
from registry.ledger.movement import serial
from registry.ledger.posting import Posted
from registry.ledger.queries import get_movement
from registry.methodologies.published import publish_methodology
from registry.methodologies.record import Methodology
from registry.methodologies.shelf import find
from registry.points.points import convert, redeem, refund, return_points
from registry.policies.first import AT_ONCE, publish_first
from registry.policies.rides import RidePolicy
from registry.procedure.decision import LIVE
from registry.procedure.values import PUBLICITY
from registry.sources.approval import advance, apply_for
from registry.sources.sources import NewSource, give_consent, linked_users

METHODOLOGY = "shared-bicycle"
SCENARIO_EN = "Shared bicycles (illustrative)"
PLATFORM, PROVIDER = "示例骑行平台 Example cycling platform", "示例权益提供主体 Example benefit provider"
FIRM = "示例机构 Example organisation"
BENEFICIARY = "示例机构团队日 Team day of the example organisation"
STATEMENT = (
    "抵销示例机构团队日的排放。示例：按示例方法学核算。 "
    "Offsets the example organisation's team day. Illustrative: computed under an illustrative methodology."
)
MAX_USER_CHARS = 100
REDEEMERS = 50
"""So many riders redeem, each half of what they have; the first gets a refund."""

Step = Callable[[str], None]


@dataclass
class Story:
    """What happened, for the table at the end. Movement numbers are of one issue, conversion, bundle and the cancel."""

    report: RideIssue
    rejects_file: Path
    acts: dict[str, int] = field(default_factory=dict)
    certificate: str | None = None
    bundle: str | None = None
    accounts: dict[str, int] = field(default_factory=dict)
    """Whose tokens to ask for to look at it over HTTP: a rider's account, the provider's, the organisation's."""
    shown: dict[str, int] = field(default_factory=dict)

    def add(self, posted: Posted) -> Posted:
        """Count an act's grams."""
        self.acts[posted.kind] = self.acts.get(posted.kind, 0) + posted.quantity_g
        return posted


def sample_rides(folder: Path) -> Path:
    """Make the small synthetic file that is used when none is given."""
    generator = Path(__file__).resolve().parent.parent / "scripts" / "make-sample-rides"
    if not generator.exists():
        raise Invalid("The generator of sample rides is in the source tree only; name a file with --rides.")
    file = folder / "synthetic-rides.csv"
    with file.open("wb") as out:
        subprocess.run([sys.executable, str(generator), "--rows", "400"], stdout=out, check=True)
    return file


def tell_story(site: Site, rides: Path, step: Step) -> Story:
    """Do everything that the demonstration does in the ledger. The second time for the same file issues nothing."""
    methodology = find(METHODOLOGY)
    with _transaction(site) as tx:
        source_id = _scenario(tx, site, methodology, step)
        _riders(tx, site, source_id, rides)
    _bring_to_life(site, source_id, step)
    step("Reading and judging the rides")
    rejects_file = _fresh(site.folder.path / "rejects", rides.stem)
    with _transaction(site) as tx:
        report = issue_rides(tx, site.ledger, source_id, methodology, rides, CENTRE)
    write_rejects(report.batch, rejects_file)
    story = Story(report, rejects_file)
    if report.lot is not None:
        _spend(site, story, step)
    return story


def _fresh(folder: Path, stem: str) -> Path:
    """Name a rejects file that is not there yet; what an earlier run refused stays to be read."""
    folder.mkdir(exist_ok=True)
    numbers = itertools.count(1)
    return next(file for n in numbers if not (file := folder / f"{stem}-{n}.rejects.csv").exists())


def _spend(site: Site, story: Story, step: Step) -> None:
    lot = story.report.lot
    assert lot is not None  # noqa: S101  (the caller looked)
    story.acts["issue"] = lot.last - lot.first
    story.shown["issue"] = lot.movements[0].id
    held = _holders(site, [written.id for written in lot.movements])
    step("Riders convert")
    for number, (account, grams) in enumerate(held):
        with _transaction(site) as tx:
            converted = story.add(convert(tx, site.ledger, account, Amount(grams)))
        if number == 0:
            story.shown["convert"] = converted.movements[0].id
    _trade(site, story, held[:REDEEMERS], step)


def _trade(site: Site, story: Story, redeemers: list[tuple[int, int]], step: Step) -> None:
    """Redeem, refund, return, transfer and cancel."""
    with _transaction(site) as tx:
        provider, firm = _institution(tx, site, PROVIDER), _institution(tx, site, FIRM)
    step("Riders redeem; one is refunded")
    redemptions = []
    for account, grams in redeemers:
        with _transaction(site) as tx:
            half = max(1, grams // 2)
            redemptions.append(story.add(redeem(tx, site.ledger, account, provider, half)))
    if len(redemptions) > 1:
        with _transaction(site) as tx:
            story.add(refund(tx, site.ledger, provider, redemptions[0].act_id, Amount(redemptions[0].quantity_g)))
    step("The provider returns what it collected as one bundle, and transfers; the organisation cancels")
    collected = story.acts["redeem"] - story.acts.get("refund", 0)
    with _transaction(site) as tx:
        bundle = story.add(return_points(tx, site.ledger, provider, Amount(collected))).movements[-1]
    story.bundle = serial(bundle.movement.first, bundle.movement.last)
    story.shown["bundle"] = bundle.id
    story.accounts = {"rider": redeemers[0][0], "provider": provider, "organisation": firm}
    with _transaction(site) as tx:
        story.add(transfer(tx, site.ledger, provider, firm, Amount(max(1, collected // 2)), "agreement", "DEMO-1"))
    with _transaction(site) as tx:
        intent = Intent("reduction", "voluntary-offset", BENEFICIARY, STATEMENT)
        done = cancel(tx, site.ledger, firm, Amount(max(1, collected // 2)), intent)
    story.add(done.posted)
    story.certificate = done.certificate
    story.shown["cancel"] = done.posted.movements[0].id


@contextmanager
def _transaction(site: Site) -> Iterator[sa.Connection]:
    with site.database.transaction() as tx:
        yield tx


def _scenario(tx: sa.Connection, site: Site, methodology: Methodology, step: Step) -> int:
    """Find the scenario of an earlier run, or set up policies, methodology, platform and scenario."""
    found = tx.execute(sa.select(sources.c.id).where(sources.c.name_en == SCENARIO_EN)).scalar_one_or_none()
    if found is not None:
        return int(found)
    step("The city's first policies and the methodology are published; a platform applies with its scenario")
    # A city would give people days to object. The log says that this one gives none, and that it is an illustration.
    publish_first(tx, site.ledger, BUREAU, {PUBLICITY: AT_ONCE})
    known = sa.select(methodologies.c.code).where(methodologies.c.code == methodology.key)
    if tx.execute(known).first() is None:
        publish_methodology(tx, site.ledger, methodology, CENTRE, BUREAU)
    until = int(datetime(2028, 1, 1, tzinfo=UTC).timestamp()) * 1000 - 8 * 3_600_000
    scenario = NewSource(
        "scenario",
        "互联网租赁自行车（示例）",
        SCENARIO_EN,
        _institution(tx, site, PLATFORM),
        methodology.key,
        methodology.version,
        methodology.validity.from_ms,
        until,
    )
    return apply_for(tx, site.ledger, scenario, CENTRE.proposing).id


def _bring_to_life(site: Site, source_id: int, step: Step) -> None:
    """Decide about the scenario until it issues. Raises `DecisionRefused` while its publicity lasts."""
    with _transaction(site) as tx:
        state = advance(tx, site.ledger, source_id, OFFICERS)
    if state != LIVE:
        step("The scenario is reviewed, made public and started")
    while state != LIVE:
        with _transaction(site) as tx:
            state = advance(tx, site.ledger, source_id, OFFICERS)


def _institution(tx: sa.Connection, site: Site, name: str) -> int:
    found = named(tx, site.ledger.vault, INSTITUTION, name)
    if found is not None:
        return found
    return open_account(tx, site.ledger.vault, kind=INSTITUTION, name=name, at=site.ledger.clock())


def _riders(tx: sa.Connection, site: Site, source_id: int, rides: Path) -> None:
    """Open an account, with consent, for every rider in the file that has none yet.

    Who withdrew consent has an account, and gets no second one.
    """
    known = linked_users(tx, source_id)
    at = site.ledger.clock()
    new = {
        user: open_account(tx, site.ledger.vault, kind=INDIVIDUAL, name=f"Rider {user}", at=at)
        for user in users_in(rides)
        if user not in known
    }
    give_consent(tx, source_id, new, at)


def users_in(rides: Path) -> list[str]:
    """List the users that a file of rides names. Raises `Invalid` for a file that is unreadable as a whole."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory(prefix="riders-") as folder:
        rows = read_ride_file(rides, Path(folder) / "rows.parquet", RidePolicy.shipped())
        users = pq.read_table(rows.path, columns=["user_id"])["user_id"].unique().to_pylist()
    return sorted(user for user in users if user and user.isprintable() and len(user) <= MAX_USER_CHARS)


def _holders(site: Site, movements: list[int]) -> list[tuple[int, int]]:
    """Who got how many grams, of these ISSUE movements."""
    held = []
    with site.database.transaction() as tx:
        for number in movements:
            seen = get_movement(tx, number)
            held.append((int(seen.account_id or 0), seen.movement.quantity_g))
    return held


def write_receipts(site: Site, shown: dict[str, int]) -> list[Path]:
    """Write a receipt for each movement in `shown` to `receipts/`, and return the files."""
    folder = site.folder.path / "receipts"
    folder.mkdir(exist_ok=True)
    files = []
    for name, number in shown.items():
        with site.database.transaction() as tx:
            leaf = leaf_at(tx, index_of(get_movement(tx, number)))
            size, note = receipt_note(tx, leaf.index)
        file = folder / f"{name}-{file_name(leaf.index)}"
        file.write_bytes(make_receipt(site, leaf, size, note))
        files.append(file)
    return files


def check_file(rides: Path) -> Path:
    """Refuse a file that no ride can be read from, before anything is made or started. Raises `Invalid`."""
    if not rides.is_file():
        raise Invalid(f"There is no file {rides}. Name a CSV of rides, or leave --rides out for a synthetic sample.")
    users_in(rides)
    return rides

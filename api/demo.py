"""The demonstration: a file of activities through the whole life of a gram, proven from outside at the end."""

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from api.installation.officers import BUREAU, CENTRE, OFFICERS
from api.installation.site import Site
from api.ledger.receipts import file_name, index_of, make_receipt, receipt_note
from registry.accounts.accounts import INDIVIDUAL, INSTITUTION, named, open_account
from registry.activities.judged import write_rejects
from registry.activities.judging import names_in
from registry.activities.profiles import shelf as profiles
from registry.activities.profiles.profile import Profile
from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.database.schema import methodologies, sources
from registry.errors import Invalid
from registry.issuance.reported import FileIssue, issue_file
from registry.ledger.ledger import Amount
from registry.ledger.logged import leaf_at
from registry.ledger.movement import serial
from registry.ledger.posting import Posted
from registry.ledger.queries import get_movement
from registry.methodologies.code import SourceKind
from registry.methodologies.published import publish_methodology
from registry.methodologies.record import Methodology
from registry.methodologies.shelf import find
from registry.points.points import convert, redeem, refund, return_points
from registry.policies.activities import ACTIVITIES, FileLimits
from registry.policies.first import AT_ONCE, publish_first
from registry.policies.policies import shipped_policy
from registry.procedure.decision import LIVE
from registry.procedure.values import PUBLICITY
from registry.sources.approval import advance, apply_for
from registry.sources.sources import NewSource, get_source, give_consent, linked_users

RIDES = "shanghai-rides"
DECLARED: Final[Mapping[str, tuple[str, str, Mapping[str, str]]]] = {
    "residential-electricity": (
        "household",
        "meter",
        {"tariff": "time-of-use", "in_a_persons_name": "true", "rooftop_pv": "false", "readings_a_day": "48"},
    ),
    "distributed-pv": ("plant", "meter", {"capacity": "0.01", "connected": "2010-01-01"}),
}
"""What the demonstration declares of every meter in a file, where the methodology asks for it: nobody ever said so."""
PROVIDER = "示例权益提供主体 Example benefit provider"
FIRM = "示例机构 Example organisation"
BENEFICIARY = "示例机构团队日 Team day of the example organisation"
STATEMENT = (
    "抵销示例机构团队日的排放。示例：按示例方法学核算。 "
    "Offsets the example organisation's team day. Illustrative: computed under an illustrative methodology."
)
REDEEMERS = 50
"""So many people redeem, each half of what they have; the first gets a refund."""

Step = Callable[[str], None]


@dataclass
class Story:
    """What happened, for the table at the end. Movement numbers are of one issue, conversion, bundle and the cancel."""

    report: FileIssue
    rejects_file: Path
    acts: dict[str, int] = field(default_factory=dict)
    certificate: str | None = None
    bundle: str | None = None
    accounts: dict[str, int] = field(default_factory=dict)
    """Whose tokens to ask for to look at it over HTTP: a person's account, the provider's, the organisation's."""
    shown: dict[str, int] = field(default_factory=dict)

    def add(self, posted: Posted) -> Posted:
        """Count an act's grams."""
        self.acts[posted.kind] = self.acts.get(posted.kind, 0) + posted.quantity_g
        return posted


@dataclass(frozen=True, slots=True)
class Given:
    """A file of activities, the profile that says how it is read, and the methodology that it feeds."""

    file: Path
    profile: Profile

    @property
    def methodology(self) -> Methodology:
        """The record, as it ships."""
        return find(self.profile.methodology)

    @property
    def scenario_en(self) -> str:
        """What the demonstration's source of this profile is called."""
        return f"{self.profile.name.en} (illustrative)"


def sample_rides(folder: Path) -> Given:
    """Make the small synthetic file that is used when none is given."""
    generator = Path(__file__).resolve().parent.parent / "scripts" / "make-sample-rides"
    if not generator.exists():
        raise Invalid("The generator of sample rides is in the source tree only; name a file with --rides.")
    file = folder / "synthetic-rides.csv"
    with file.open("wb") as out:
        subprocess.run([sys.executable, str(generator), "--rows", "400"], stdout=out, check=True)
    return Given(file, profiles.find(RIDES))


def tell_story(site: Site, given: Given, step: Step) -> Story:
    """Do everything that the demonstration does in the ledger. The second time for the same file issues nothing."""
    with _transaction(site) as tx:
        source_id = _source(tx, site, given, step)
        named = _people(tx, site, source_id, given)
        platform = get_source(tx, source_id).applicant_id
    step(f"The platform's account is {platform}, and its source is {source_id}")
    if not named:
        step("Nobody is named in this kind of file: every row will be refused, and nothing can be issued for it")
    _bring_to_life(site, source_id, step)
    declared = declared_of(given, named)
    if declared:
        step("The demonstration declares what the methodology asks of each meter; no platform said so (illustrative)")
    step(f"Reading and judging {given.file.name} by the profile {given.profile.id}")
    rejects_file = _fresh(site.folder.path / "rejects", given.file.stem)
    with _transaction(site) as tx:
        report = issue_file(tx, site.ledger, source_id, given.methodology, given.profile, given.file, CENTRE, declared)
    write_rejects(report.judged, rejects_file)
    story = Story(report, rejects_file)
    if report.lot is not None:
        _spend(site, story, step)
    return story


def declared_of(given: Given, named: list[str]) -> dict[str, list[dict[str, str]]]:
    """Give what is declared of every meter, as the methodology asks for it; nothing where it asks nothing."""
    attribute, subject, columns = DECLARED.get(given.methodology.id, ("", "", {}))
    if not attribute:
        return {}
    return {attribute: [{subject: name, "from": "2000-01-01", **columns} for name in named]}


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
    if find(story.report.judged.profile.methodology).kind is SourceKind.PROJECT:
        _consume(site, story, held[0], step)
        return
    step("People convert")
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
    step("People redeem; one is refunded")
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
    story.accounts = {"person": redeemers[0][0], "provider": provider, "organisation": firm}
    _transfer_and_cancel(site, story, provider, firm, max(1, collected // 2))


def _consume(site: Site, story: Story, held: tuple[int, int], step: Step) -> None:
    """Let the owner of a project, who is an institution and converts nothing, transfer half of what it got."""
    owner, grams = held
    with _transaction(site) as tx:
        firm = _institution(tx, site, FIRM)
    step("The project's owner transfers; the organisation cancels")
    story.accounts = {"owner": owner, "organisation": firm}
    _transfer_and_cancel(site, story, owner, firm, max(1, grams // 2))


def _transfer_and_cancel(site: Site, story: Story, holder: int, firm: int, quantity_g: int) -> None:
    with _transaction(site) as tx:
        story.add(transfer(tx, site.ledger, holder, firm, Amount(quantity_g), "agreement", "DEMO-1"))
    with _transaction(site) as tx:
        intent = Intent("reduction", "voluntary-offset", BENEFICIARY, STATEMENT)
        done = cancel(tx, site.ledger, firm, Amount(quantity_g), intent)
    story.add(done.posted)
    story.certificate = done.certificate
    story.shown["cancel"] = done.posted.movements[0].id


@contextmanager
def _transaction(site: Site) -> Iterator[sa.Connection]:
    with site.database.transaction() as tx:
        yield tx


def _source(tx: sa.Connection, site: Site, given: Given, step: Step) -> int:
    """Find the source of an earlier run, or set up policies, methodology, platform and source."""
    found = tx.execute(sa.select(sources.c.id).where(sources.c.name_en == given.scenario_en)).scalar_one_or_none()
    if found is not None:
        return int(found)
    step("The city's first policies and the methodology are published; a platform applies with its source")
    # A city would give people days to object. The log says that this one gives none, and that it is an illustration.
    publish_first(tx, site.ledger, BUREAU, {PUBLICITY: AT_ONCE})
    methodology, name = given.methodology, given.profile.name
    known = sa.select(methodologies.c.code).where(methodologies.c.code == methodology.key)
    if tx.execute(known).first() is None:
        publish_methodology(tx, site.ledger, methodology, CENTRE, BUREAU)
    until = int(datetime(2028, 1, 1, tzinfo=UTC).timestamp()) * 1000 - 8 * 3_600_000
    source = NewSource(
        str(methodology.kind),
        f"{name.zh}（示例）",
        given.scenario_en,
        _institution(tx, site, f"示例平台 Example platform: {given.profile.id}"),
        methodology.key,
        methodology.version,
        methodology.validity.from_ms,
        until,
    )
    return apply_for(tx, site.ledger, source, CENTRE.proposing).id


def _bring_to_life(site: Site, source_id: int, step: Step) -> None:
    """Decide about the source until it issues. Raises `DecisionRefused` while its publicity lasts."""
    with _transaction(site) as tx:
        state = advance(tx, site.ledger, source_id, OFFICERS)
    if state != LIVE:
        step("The source is reviewed, made public (without days to object, as the log says) and started")
    while state != LIVE:
        with _transaction(site) as tx:
            state = advance(tx, site.ledger, source_id, OFFICERS)


def _institution(tx: sa.Connection, site: Site, name: str) -> int:
    found = named(tx, site.ledger.vault, INSTITUTION, name)
    if found is not None:
        return found
    return open_account(tx, site.ledger.vault, kind=INSTITUTION, name=name, at=site.ledger.clock())


def _people(tx: sa.Connection, site: Site, source_id: int, given: Given) -> list[str]:
    """Open an account, with consent, for everybody whom the file names and who has none yet; gives their names.

    Who withdrew consent has an account, and gets no second one. The people are synthetic: nobody consented. What a
    project's file names are plants, whose owners are institutions.
    """
    kind = INSTITUTION if given.methodology.kind is SourceKind.PROJECT else INDIVIDUAL
    called = "Owner of" if kind == INSTITUTION else "Person"
    known = linked_users(tx, site.ledger.vault, source_id)
    at = site.ledger.clock()
    named = people_in(given)
    new = {
        user: open_account(tx, site.ledger.vault, kind=kind, name=f"{called} {user}", at=at)
        for user in named
        if user not in known
    }
    give_consent(tx, site.ledger.vault, source_id, new, at)
    return named


def people_in(given: Given) -> list[str]:
    """List the people whom a file names. Raises `Invalid` for a file that is unreadable as a whole."""
    return names_in(given.file, given.profile, FileLimits.of(shipped_policy(ACTIVITIES)))


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


def check_file(file: Path, profile: str) -> Given:
    """Refuse a file that no activity can be read from, before anything is made or started. Raises `Invalid`."""
    if not file.is_file():
        raise Invalid(f"There is no file {file}. Name one, or leave it out for a synthetic sample of rides.")
    given = Given(file, profiles.find(profile))
    people_in(given)
    return given

"""What a batch's file comes to, judged against what the registry knows at a moment: written down in files alone.

Judging takes as long as the file needs and holds nothing meanwhile; whoever issues looks again at what changed.
"""

# mypy: disable-error-code="import-untyped"
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.activities.activities import LONGEST_MS
from registry.activities.judged import Activities, Judged, Thing
from registry.activities.judging import judge_file
from registry.activities.profiles.shelf import find
from registry.database.engine import Database
from registry.errors import NotFound
from registry.issuance.atrest import clear
from registry.issuance.batch import Batch
from registry.issuance.caught import read_table
from registry.issuance.duplicates import issued_to
from registry.issuance.listing import Abnormal
from registry.issuance.report import Report, report_of
from registry.issuance.reported import known_of, terms_of
from registry.issuance.resting import resting_on
from registry.ledger.ledger import Ledger
from registry.methodologies.published import published_record
from registry.sources.sources import get_source


@dataclass(frozen=True, slots=True)
class Verdict:
    """A file, judged, and the report of what stands of it."""

    judged: Judged
    report: Report
    met: Mapping[str, int]
    """To which sources that was issued which was in the way of how many of its activities (R51)."""
    rests_on: str | None
    """What it rests on, as `resting_on` has it."""

    @property
    def summary(self) -> dict[str, Any]:
        """Count: of nobody, and fit to be kept."""
        accounts = pc.count_distinct(self.judged.activities.table["account_id"]).as_py()
        return {
            "rows": self.judged.rows,
            "accepted": len(self.judged.activities),
            "accounts": int(accounts),
            "quantity_g": self.judged.quantity_g,
            "refused": self.judged.refused_by_reason(),
            "provisional": self.judged.provisional[0],
            "provisional_g": self.judged.provisional[1],
            "held": self.judged.quarantined_by_reason(),
            "met": dict(self.met),
            "rests_on": {
                "policies": {policy.name: policy.decision.hex() for policy in self.report.policies},
                "facts": dict(self.report.facts),
                "all": self.rests_on,
            },
        }

    def abnormal(self) -> Iterator[Abnormal]:
        """Give the rows that do not stand: those refused, then those in quarantine."""
        for one in self.judged.refused():
            yield Abnormal(one.row, one.reference, one.reason, one.said.zh, one.said.en)
        for held in self.judged.quarantined():
            yield Abnormal(held.row, held.reference, held.reason, held.said.zh, held.said.en, held=True)


def judge(database: Database, ledger: Ledger, batch: Batch, path: Path) -> Verdict:
    """Judge a batch's file. Raises `Invalid` for one that is unreadable as a whole."""
    if not path.exists():
        raise NotFound("The file of this batch was lost. Withdraw the batch, and report it again.")
    profile = find(batch.profile)
    with database.transaction() as tx:  # short: it holds the policies
        source = get_source(tx, batch.source_id)
        methodology = published_record(tx, source.methodology_code, source.methodology_version)
        terms, policies = terms_of(tx, ledger, source, methodology)
    with clear(ledger.vault, path, batch.size_bytes) as file, database.reading() as tx:
        rests_on = resting_on(tx, ledger, batch, source, profile, policies)  # before anything is asked
        judged = judge_file(file, profile, terms, known_of(tx, ledger.vault, source, profile, {}))
        judged = judged.of_platform(source.applicant_id)
        met = issued_to(tx, ledger.vault, judged.met, LONGEST_MS)
    return Verdict(judged, report_of(source, methodology, judged, policies, terms.issued), met, rests_on)


def judged_before(tx: sa.Connection, ledger: Ledger, batch: Batch, file: Path) -> Report | None:
    """Give the report of what a batch came to when it was judged last, if nothing changed since that it rests on."""
    summary = batch.summary or {}
    rests_on = summary.get("rests_on", {})
    source, profile = get_source(tx, batch.source_id), find(batch.profile)
    if rests_on.get("all") is None or not summary["accepted"] or not file.exists():
        return None
    methodology = published_record(tx, source.methodology_code, source.methodology_version)
    _, policies = terms_of(tx, ledger, source, methodology)
    if resting_on(tx, ledger, batch, source, profile, policies) != rests_on["all"]:
        return None
    stands = read_standing(ledger.vault, file, batch.profile).activities(source.applicant_id)
    refused = Counter(summary["refused"]) + Counter(summary["held"])
    return Report(source, stands, dict(rests_on["facts"]), policies, dict(refused.most_common()))


@dataclass(frozen=True, slots=True)
class Standing:
    """What stood when it was proposed, a row for each activity."""

    table: pa.Table
    profile: str

    @property
    def accounts(self) -> list[int]:
        """Whose it is."""
        found: list[int] = pc.unique(self.table["account_id"]).to_pylist()
        return found

    def of(self, accounts: Collection[int]) -> "Standing":
        """Give what is of some accounts."""
        mine = pc.is_in(self.table["account_id"], value_set=pa.array(sorted(accounts), pa.int64()))
        return Standing(self.table.filter(mine), self.profile)

    def without(self, places: Collection[int]) -> "Standing":
        """Leave out the rows at some places."""
        kept = [place for place in range(self.table.num_rows) if place not in places]
        return Standing(self.table.take(pa.array(kept, pa.int64())), self.profile)

    def activities(self, platform: int) -> Activities:
        """Give them as activities of a platform's account."""
        profile = find(self.profile)
        things = [Thing(thing.kind, thing.everywhere) for thing in profile.things]
        return Activities(self.table, things, platform, in_person=profile.in_person)


def read_standing(vault: Vault, file: Path, profile: str) -> Standing:
    """Read what stood when it was proposed. Raises `NotFound`."""
    try:
        return Standing(read_table(vault, file), profile)
    except OSError:
        raise NotFound("What was proposed of this batch was lost. Propose it again.") from None

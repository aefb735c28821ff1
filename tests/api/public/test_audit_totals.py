"""The sums that an outsider's audit makes of the leaves are those that the registry shows."""

import re
from collections import Counter
from typing import Any

import sqlalchemy as sa

from anchoring.auditing.audit import audit
from anchoring.auditing.report import Lot, Totals
from anchoring.tree.tiles import DirectorySource, HttpSource
from api.door.fields import PURPOSE_NAMES
from api.explorer.pages import grams
from api.explorer.views import totals_of
from registry.ledger.lots import list_lots
from registry.ledger.movement import Form, Kind, serial
from registry.ledger.totals import totals
from tests.support.backups import publisher_of
from tests.support.rest import http
from tests.support.running import Live
from tests.support.simulation import Simulation
from tests.support.story import tell


def shown(of: Totals | Lot) -> dict[str, Any]:
    """An audit's sums as the explorer's pages name them."""
    is_lot = isinstance(of, Lot)
    ended = of.ended_g if is_lot else of.ended_by_purpose_g
    return {
        "issued_g": of.issued_g,
        "reduction_g": of.reduction_g if is_lot else of.live_g.get(Form.REDUCTION, 0),
        "points_g": of.points_g if is_lot else of.live_g.get(Form.POINTS, 0),
        "ended_g": {str(purpose) if purpose else "expired": grams for purpose, grams in sorted(ended.items())},
        "gathered_g": of.gathered_g if is_lot else 0,
    }


def test_every_sum_of_a_simulated_life(scheme, tmp_path):
    scheme.clock.step = 61_000  # lots of one minute the log does not tell apart
    simulation, publisher = Simulation(scheme, 5), publisher_of(scheme.database, tmp_path / "log", scheme.clock)
    simulation.run(40)
    publisher.publish()
    simulation.run(120)
    publisher.publish()
    simulation.run(20)
    log = DirectorySource(publisher.folder.path)
    report = audit(log, publisher.signer.verifier.vkey)
    assert report.holds, report.verdict
    with simulation.scheme.database.transaction() as tx:
        assert shown(report.totals) == totals_of(totals(tx))
        lots = sorted(list_lots(tx, limit=200).items, key=lambda row: row.first_g)
        assert [shown(lot) for lot in report.totals.lots] == [
            totals_of(totals(tx, row.id), is_lot=True) for row in lots
        ]
        by_kind = tx.execute(_BY_KIND).all()
    assert [(lot.first, lot.last) for lot in report.totals.lots] == [(row.first_g, row.last_g) for row in lots]
    assert report.totals.lot_count == len(lots) > 3
    assert report.totals.leaves == {kind: count for kind, count, _ in by_kind}
    assert report.totals.moved_g == {kind: int(total) for kind, _, total in by_kind if kind < 64}
    assert {Kind.CANCEL, Kind.REDEEM, Kind.GATHER, Kind.BUNDLE} <= set(report.totals.leaves), (
        "a life in which something happens"
    )


_BY_KIND = sa.text("""
    SELECT kind, count(*), sum(last_g - first_g) FROM movements JOIN log_entries ON movement_id = id GROUP BY kind
""")


def cells(page: str) -> list[str]:
    """The grams of a page's table of totals, in order."""
    table = page[page.index('<table class="totals">') : page.index("</table>", page.index('<table class="totals">'))]
    return [re.findall(r'<td class="number">(.*?)</td>', row)[0] for row in table.split("<tr")[1:] if "number" in row]


def cells_of(said: dict[str, Any]) -> list[str]:
    ended = said["ended_g"].values()
    live = (said["reduction_g"], said["points_g"], sum(ended))
    gone = filter(None, (said["gathered_g"], *ended))
    return [grams(number) for number in (*live, *gone, said["issued_g"])]


def test_every_sum_that_is_served(live: Live):
    told = tell(live)
    live.publish()
    about = http.get(f"{live.url}/v1/about").json()
    with HttpSource(about["log"]["url"]) as source:
        report = audit(source, about["log"]["vkey"])
    served = http.get(f"{live.url}/v1/totals").json()
    said = shown(report.totals)
    assert [served[name] for name in ("issued_g", "reduction_g", "points_g")] == [
        said[name] for name in ("issued_g", "reduction_g", "points_g")
    ]
    assert served["ended_g"] == {
        PURPOSE_NAMES.get(purpose, "expired"): total for purpose, total in report.totals.ended_by_purpose_g.items()
    }
    assert cells(http.get(f"{live.url}/").text) == cells_of(said)
    page = http.get(f"{live.url}/lots/{told.lot}").text
    with live.site.database.transaction() as tx:
        rows = {
            row.first_g: totals_of(totals(tx, row.id), is_lot=True)
            for row in tx.execute(sa.text("SELECT * FROM lots")).all()
        }
    assert serial(told.first, told.first + 3_000_000) in page
    assert cells(page) == cells_of(rows[told.first])
    assert rows[told.first]["gathered_g"] == 800_000
    assert rows[told.first]["ended_g"] == {}, "they are cancelled under their bundle's numbers"
    assert report.totals.is_balanced
    # Others may have been issued beside it in the same minute, which the log does not tell apart.
    (lot,) = [lot for lot in report.totals.lots if lot.first <= told.first < lot.last]
    inside = [row for first, row in rows.items() if lot.first <= first < lot.last]
    summed = shown(lot)
    for name in ("issued_g", "reduction_g", "points_g", "gathered_g"):
        assert sum(row[name] for row in inside) == summed[name]
    assert sum((Counter(row["ended_g"]) for row in inside), Counter()) == summed["ended_g"]

"""The demonstration's story, told to an installation that has one already."""

import sqlalchemy as sa

from api.demo import SCENARIO_EN, tell_story
from registry.database.schema import accounts, sources
from registry.issuance.reasons import Reason
from registry.sources.sources import consented_users, revoke_consent
from tests.support.rides import write_rides


def test_who_withdrew_consent_gets_no_second_account(live, tmp_path):
    user = "demo-user-who-withdraws"
    steps: list[str] = []
    first = write_rides(tmp_path / "first.csv", [{"orderid": "demo-1", "userid": user}])
    second = write_rides(tmp_path / "second.csv", [{"orderid": "demo-2", "userid": user, "bikeid": "10"}])
    assert tell_story(live.site, first, steps.append).report.lot is not None
    with live.site.database.transaction() as tx:
        source = tx.execute(sa.select(sources.c.id).where(sources.c.name_en == SCENARIO_EN)).scalar_one()
        revoke_consent(tx, source, consented_users(tx, source)[user], live.site.ledger.clock())
    story = tell_story(live.site, second, steps.append)
    assert story.report.lot is None
    assert story.report.batch.rejected_by_reason() == {Reason.NOT_CONSENTED: 1}
    with live.site.database.transaction() as tx:
        named = sa.select(sa.func.count()).where(accounts.c.name == f"Rider {user}")
        assert tx.execute(named).scalar_one() == 1

"""The demonstration's story, told to an installation that has one already."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import sqlalchemy as sa

from anchoring.note import ED25519, Signer
from api.commands.demo import print_files
from api.demo import RIDES, Given, tell_story
from registry.accounts.accounts import account_row, name_in
from registry.activities.judgement.reasons import Reason
from registry.activities.profiles.shelf import find
from registry.database.schema import accounts, sources
from registry.sources.sources import find_consenting, revoke_consent
from tests.support.rides import write_rides

KEY = Signer("example.com/log", ED25519, b"l" * 32).verifier


def test_who_withdrew_consent_gets_no_second_account(live, tmp_path):
    user = "demo-user-who-withdraws"
    steps: list[str] = []
    first = Given(write_rides(tmp_path / "first.csv", [{"orderid": "demo-1", "userid": user}]), find(RIDES))
    other = {"orderid": "demo-2", "userid": user, "bikeid": "10"}
    second = Given(write_rides(tmp_path / "second.csv", [other]), find(RIDES))
    assert tell_story(live.site, first, steps.append).report.lot is not None
    once = ("The city's first policies", "The source is reviewed")
    assert sum(told.startswith(once) for told in steps) == len(once)
    steps.clear()
    with live.site.database.transaction() as tx:
        source = tx.execute(sa.select(sources.c.id).where(sources.c.name_en == first.scenario_en)).scalar_one()
        account = find_consenting(tx, live.site.ledger.vault, source, [user])[user]
        revoke_consent(tx, source, account, live.site.ledger.clock())
    story = tell_story(live.site, second, steps.append)
    assert not [told for told in steps if told.startswith(once)], "what is done already is not said again"
    assert story.report.lot is None
    assert story.report.judged.refused_by_reason() == {Reason.NOT_CONSENTED: 1}
    with live.site.database.transaction() as tx:
        there = tx.execute(sa.select(accounts.c.id).where(accounts.c.kind == "individual")).scalars().all()
        vault = live.site.ledger.vault
        names = [name_in(vault, account_row(tx, number)) for number in there]
        assert names.count(f"Person {user}") == 1


def test_what_to_run_next_can_be_given_to_a_shell_as_it_stands(capsys):
    path = Path("/srv/it's $(touch pwned) & data")
    site = SimpleNamespace(
        folder=SimpleNamespace(path=path, log=path / "log"), log_signer=SimpleNamespace(verifier=KEY)
    )
    report = SimpleNamespace(lot=SimpleNamespace(first=7))
    print_files(
        site,
        SimpleNamespace(rejects_file=path / "rejects", report=report),
        [path / "a.tlog-proof", path / "b.tlog-proof"],
    )
    lines = capsys.readouterr().out.partition("Next\n")[2].splitlines()
    assert [shlex.split(line, comments=True)[1:] for line in lines] == [
        ["trace", "7", "--data", str(path)],
        ["verify", f"{path}/b.tlog-proof", "--vkey", KEY.vkey],
        ["audit", "--log", f"{path}/log", "--vkey", KEY.vkey],
        ["serve", "--data", str(path)],
    ]

"""State proofs over HTTP, and the timetable that records states; verified as an outsider does, with the command."""

import json
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from anchoring.errors import Unreachable
from anchoring.publishing.epochs import Epochs, maps_in, path_of
from anchoring.publishing.publisher import Publisher
from anchoring.state.verify import verify_state
from anchoring.tree.folder import LogFolder
from anchoring.verify import Outcome
from api.state.routes import prove
from api.state.timetable import NEVER, Timetable, last_moment, wish
from tests.anchoring.publishing.test_publisher import COSIGNERS, LOG
from tests.support.publishing import GATE, cosigning
from tests.support.rest import Caller, authority, is_problem


@pytest.fixture
def lot(live):
    """A lot of a hundred grams of one person, in the last published state."""
    made = live.issue({live.person(): 40, live.person(): 60})
    live.site.epochs.make()
    live.publish()
    return made


def get(live, path: str):
    return Caller(live.url, live.token("centre"), 0).get(path)


def check(live, data: bytes, asked):
    return verify_state(data, live.site.log_signer.verifier.vkey, asked=asked)


def test_a_range_is_proven_at_the_last_epoch(live, lot):
    answer = get(live, f"/v1/state?first_g={lot.first}&end_g={lot.last}")
    assert answer.status_code == 200
    assert "link" not in answer.headers
    found = check(live, answer.content, (lot.first, lot.last))
    assert found.outcome is Outcome.HOLDS
    spans = [(part.first - lot.first, part.last - lot.first, part.state) for part in found.parts]
    assert spans == [(0, 40, "live"), (40, 100, "live")]


def test_what_is_past_the_frontier_was_not_issued(live, lot):
    frontier = lot.last
    for first, last in ((frontier - 1, frontier + 5), (frontier, frontier + 1), (2**62, 2**63 - 1)):
        answer = get(live, f"/v1/state?first_g={first}&end_g={last}")
        found = check(live, answer.content, (first, last))
        assert found.outcome is Outcome.HOLDS
        assert found.parts[-1].state == "not issued"


def test_a_long_range_takes_several_proofs(live, lot):
    path, reached = f"/v1/state?first_g={lot.first}&end_g={lot.last}&limit=1", lot.first
    for count in (40, 60):
        answer = get(live, path)
        found = check(live, answer.content, (reached, reached + count))
        assert found.outcome is Outcome.HOLDS
        reached += count
        link = answer.headers.get("link")
        path = re.match(r"<(.*)>; rel=\"next\"", link)[1] if link else None
    assert path is None


@pytest.mark.parametrize(
    "query",
    ["first_g=5&end_g=5", "first_g=-1&end_g=5", "first_g=0&end_g=9223372036854775808", "end_g=1", "first=0&last=5"],
)
def test_no_range_is_no_question(live, query):
    answer = get(live, f"/v1/state?{query}")
    assert is_problem(answer, *((400, "invalid") if query.startswith("first_g=5") else (422, "malformed")))


def test_a_movement_and_its_receipt_lead_to_the_state_of_its_grams(live, lot):
    movement = get(live, f"/v1/leaves/{live.index(lot.movements[0].id)}").json()
    receipt = get(live, movement["receipt"])
    assert f"<{movement['state_proof']}>" in receipt.headers["link"]
    answer = get(live, movement["state_proof"])
    found = check(live, answer.content, (movement["first_g"], movement["end_g"]))
    assert [part.index for part in found.parts] == [movement["index"]]


def test_a_damaged_map_is_never_served_and_is_made_anew(live, lot):
    path = f"/v1/state?first_g={lot.first}&end_g={lot.last}"
    before = get(live, path).content
    size = maps_in(live.site.folder.state)[0]
    file = path_of(live.site.folder.state, size)
    data = bytearray(file.read_bytes())
    for at in range(64, len(data), 8):
        data[at] ^= 1
    file.unlink()
    file.write_bytes(data)
    answer = get(live, path)
    assert is_problem(answer, 503, "unavailable")
    assert live.site.epochs.mend()
    assert get(live, path).content == before


def test_a_log_that_cannot_be_read_for_a_moment_costs_no_map(live, lot):
    """Making a map reads all leaves: only what is damaged is made anew."""
    tiles = live.site.folder.log / "tile"
    maps = maps_in(live.site.folder.state)
    tiles.rename(tiles.with_name("away"))
    try:
        with closing(replace(live.site)) as another_process, pytest.raises(Unreachable):
            prove(another_process, lot.first, lot.last, 10)
    finally:
        tiles.with_name("away").rename(tiles)
    assert maps_in(live.site.folder.state) == maps


def test_the_centre_may_ask_for_an_epoch(live):
    timetable = Timetable(live.site.epochs, NEVER, live.site.ledger.clock)
    timetable.keep()  # another test may have asked
    before = live.site.publisher.publish()
    assert not timetable.keep()
    assert authority(live, "centre").post("/v1/state", {}).status_code == 201
    assert timetable.keep()
    assert live.site.epochs.last().size >= before
    assert not timetable.keep()


def test_a_state_that_cannot_be_recorded_does_not_hold_up_publication(live):
    timetable = Timetable(live.site.epochs, NEVER, live.site.ledger.clock)
    in_the_way = live.site.folder.state / f".{live.site.publisher.publish()}.map.tmp"
    wish(live.site.folder.state)
    in_the_way.mkdir()
    with pytest.raises(Unreachable):
        timetable.keep()
    in_the_way.rmdir()
    assert not timetable.keep()
    assert Timetable(live.site.epochs, NEVER, live.site.ledger.clock).keep()


def test_a_state_is_recorded_once_a_day(scheme, tmp_path):
    cosigners = cosigning(COSIGNERS, scheme.clock)
    publisher = Publisher(scheme.database.transaction, LogFolder(tmp_path / "log"), LOG, cosigners, scheme.clock, GATE)
    timetable = Timetable(Epochs(publisher, tmp_path / "state"), "02:30", scheme.clock)
    scheme.clock.now = at("2026-11-20T03:00:00+08:00")
    assert not timetable.keep()
    publisher.publish()
    made = []
    for moment in ("20T23:00", "21T02:29", "21T02:30", "21T02:31", "22T02:29", "22T02:31", "24T09:00", "24T09:01"):
        scheme.clock.now = at(f"2026-11-{moment}:00+08:00")
        made.append(timetable.keep())
    assert made == [False, False, True, False, False, True, True, False]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


@pytest.mark.parametrize(
    ("state_at", "now", "last"),
    [
        ("00:00", "2026-11-21T00:00:00+08:00", "2026-11-21T00:00:00+08:00"),
        ("00:00", "2026-11-20T23:59:59+08:00", "2026-11-20T00:00:00+08:00"),
        ("00:00", "2026-11-20T15:59:59Z", "2026-11-20T00:00:00+08:00"),
        ("02:30", "2026-11-21T02:29:59+08:00", "2026-11-20T02:30:00+08:00"),
        ("02:30", "2026-03-01T02:30:00+08:00", "2026-03-01T02:30:00+08:00"),
    ],
)
def test_the_days_moment_is_by_shanghais_clock(state_at, now, last):
    assert last_moment(state_at, at(now)) == at(last)


def test_a_day_that_never_comes():
    assert last_moment(NEVER, at("2026-11-21T00:00:00+08:00")) < 0


def test_the_command_says_what_the_grams_are(live, lot, tmp_path: Path):
    file = tmp_path / "grams.state-proof"
    file.write_bytes(get(live, f"/v1/state?first_g={lot.first}&end_g={lot.last + 5}").content)
    known = ["--vkey", live.site.log_signer.verifier.vkey]
    anchored = [*known, "--rpc", live.site.where.rpc_urls[0], "--contract", live.site.where.contract]
    asked = ["--grams", f"SHCER-{lot.first + 10}-{lot.last + 1}"]
    done = gram("verify", str(file), *anchored, "--chain-id", str(live.site.where.chain_id), *asked)
    assert done.returncode == 0, done.stderr
    assert re.search(r"As of .*, size \d+:", done.stdout)
    assert (
        f"SHCER-{lot.first + 10}-{lot.first + 39} (30 g): live, reduction, by ISSUE, SCENARIO, INDIVIDUAL"
        in done.stdout
    )
    assert f"SHCER-{lot.last}-{lot.last + 1} (2 g): not issued" in done.stdout
    said = json.loads(gram("verify", str(file), *known, "--json").stdout)
    assert [part["state"] for part in said["parts"]] == ["live", "live", "not issued"]
    file.write_bytes(file.read_bytes().replace(b"entry ", b"entry 1", 1))
    refused = gram("verify", str(file), *known)
    assert refused.returncode in (1, 2)
    assert "size" not in refused.stdout.splitlines()[-1]


def gram(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", "from api.gram import main; main()", *arguments]
    root = Path(__file__).parents[3]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)

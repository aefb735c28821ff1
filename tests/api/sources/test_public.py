"""The information base: what everybody reads of each source, by REST, on its page and by `gram source`."""

import json
from urllib.parse import urlencode

import pytest

from tests.api.submissions.test_submissions import application, done
from tests.support.rest import Caller, authority, institution, is_problem
from tests.support.running import DISTRICT

SHARES = [
    {"sharer": "developer", "name": "远山村集体", "parts": 6667},
    {"sharer": "public-welfare", "name": "绿色基金", "parts": 3333},
]
ELSEWHERE = "310151"
"""A district of which no other test of the shared installation has a source."""


@pytest.fixture(scope="module")
def centre(live) -> Caller:
    return authority(live, "centre")


@pytest.fixture
def mandated(live, centre, gram) -> str:
    """The case of a source that somebody applied for by mandate, with a rural mark, and is in publicity."""
    firm, village = institution(live), institution(live)
    done(village.act("mandates", agent=firm.account, kind="apply"))
    given = {"developer": village.account, "rural": True, "district": ELSEWHERE, "name_en": "Far hills"}
    silent = done(firm.act("applications", **application(**given)))["submission"]
    assert is_problem(firm.post(f"/v1/submissions/{silent}/handing-in", {}), 400, "invalid"), "nobody knows who shares"
    short = application(**given, shares=[{**SHARES[0], "parts": 9999}])
    done(firm.post(f"/v1/submissions/{silent}/correction", {"application": short}))
    assert is_problem(firm.post(f"/v1/submissions/{silent}/handing-in", {}), 400, "invalid"), "not the whole"
    done(firm.post(f"/v1/submissions/{silent}/correction", {"application": application(**given, shares=SHARES)}))
    done(firm.post(f"/v1/submissions/{silent}/handing-in", {}))
    case = done(centre.post(f"/v1/incoming/{silent}/recording", {}))["case"]
    live.publish()
    assert Caller(live.url).get(f"/v1/sources/{case[2:]}").json()["rural"] == "declared"

    def step(who: Caller, *words: str) -> tuple[int, str, str]:
        return gram("decide", *words, "--registry", live.url, "--token", who.token)

    for given, refused in (
        (("--rural",), "No rural mark is judged by this"), (("--mend-days", "5"), "sets no time to mend"),
        (("--valid-until", "2031-01-01T00:00:00.000Z"), "renews nothing"), (("--says", "contract"), "NAME=FILE"),
        (("--says", f"contract_sha256={__file__}"), "Give exactly that in `says`"),
    ):  # fmt: skip
        code, _, said = step(centre, "step", case, "accept", *given)
        assert (code, refused in said) == (2, True), "what is given reaches the registry, which wants none of it here"
    assert step(centre, "step", case, "accept")[0] == 0
    assert step(centre, "step", case, "review")[0] == 2, "the mark is to be judged"
    motion = step(centre, "step", case, "review", "--rural")[1].split()[1]
    assert step(authority(live, "exchange"), "approve", motion)[0] == 0
    assert step(centre, "step", case, "open_publicity", "--reason", "complete")[0] == 0
    return case


def test_everybody_finds_a_source_with_its_mark_and_who_shares_it(live, mandated, gram):
    anybody, number = Caller(live.url), int(mandated[2:])
    before = anybody.get(f"/v1/sources/{number}").json()
    assert before["state"] == "applied", "what is not logged is not told"
    live.publish()
    said = anybody.get(f"/v1/sources/{number}").json()
    assert (said["state"], said["rural"], said["district"]) == ("publicity", "reviewed", ELSEWHERE)
    assert (said["shares"], said["case"], said["issued_g"]) == (SHARES, mandated, 0)
    document = anybody.get(f"/v1/cases/{mandated}").json()["items"][0]["says"]
    assert document["shares"] == ["6667 developer 远山村集体", "3333 public-welfare 绿色基金"]
    assert document["rural"] == "reviewed"
    assert not {"applicant_id", "developer_id", "applicant"} & said.keys()
    for wanted, is_there in (
        ({"district": ELSEWHERE}, True), ({"district": DISTRICT}, False), ({"rural": "true", "kind": "scenario"}, True),
        ({"rural": "false"}, False), ({"state": "publicity"}, True), ({"state": "live"}, False),
        ({"methodology": said["methodology"]}, True), ({"kind": "project"}, False),
    ):  # fmt: skip
        found, cursor = [], ""
        while cursor is not None:
            query = urlencode(wanted | {"limit": 2} | ({"cursor": cursor} if cursor else {}))
            page = anybody.get(f"/v1/sources?{query}").json()
            found, cursor = found + [one["source"] for one in page["items"]], page["next_cursor"]
        assert (number in found) is is_there, wanted
        assert found == sorted(set(found), reverse=True)
    assert live.source.id in [one["source"] for one in anybody.get("/v1/sources?state=live&limit=200").json()["items"]]
    for wrong in ("district=31", "kind=farm", "state=%00", "methodology=%00", "cursor=x"):
        assert is_problem(anybody.get(f"/v1/sources?{wrong}"), 400, "invalid"), wrong
    assert anybody.get("/sources?kind=%00").status_code == 400
    shown_to_people(live, number, gram)


def shown_to_people(live, number: int, gram) -> None:
    """On its pages in both languages, and by command."""
    for path in (f"/sources?district={ELSEWHERE}", f"/sources/{number}"):
        chinese, english = (
            Caller(live.url).get(path + more).text for more in ("", f"{'&' if '?' in path else '?'}lang=en")
        )
        assert ("乡村振兴（经审核）" in chinese, "rural revitalisation, reviewed" in english) == (True, True), path
    assert "远山村集体 (developer): 66.67 %" in english
    assert Caller(live.url).get("/sources/999999999").status_code == 404
    shown = gram("source", "show", number, "--registry", live.url, "--json")
    assert json.loads(shown[1]) == Caller(live.url).get(f"/v1/sources/{number}").json()
    listed = gram("source", "list", "--district", ELSEWHERE, "--rural", "--registry", live.url)[1]
    assert listed.startswith(f"{number}  scenario  publicity  {ELSEWHERE}  0 g  Far hills  rural: reviewed")


def test_a_list_is_imported_and_shown_by_command(live, centre, gram, tmp_path):
    file = tmp_path / "green.csv"
    file.write_text("entity\n远方的碳汇林\n", encoding="utf-8")
    given = ("--dated", "2026-10-02", "--origin", "示例 example", "--registry", live.url)
    code, said, _ = gram("lists", "import", "green", file, *given, "--token", centre.token)
    assert (code, "  green  registry  2026-10-02  1 entries  " in said) == (0, True)
    assert said in gram("lists", "list", "--registry", live.url)[1]
    assert gram("lists", "import", "green", file, *given, "--token", "")[0] == 2
    case = f"S-{live.source.id}"
    asked = gram("lists", "matches", case, "--registry", live.url, "--token", centre.token)
    assert asked[:2] == (0, "Nothing of it is in a list that counts, nor near.\n")

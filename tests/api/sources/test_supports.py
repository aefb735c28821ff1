"""What fits a source, and what its owner lets a financier see: entered, approved, shown, taken back (R71)."""

import json

import pytest

from tests.api.submissions.test_submissions import done
from tests.support.rest import Caller, authority, holder, institution, is_problem

WORDS = {
    "title_zh": "绿色贷款（示例）",
    "title_en": "Green loan (example)",
    "text_zh": "利率示例。",
    "text_en": "An example.",
}


@pytest.fixture(scope="module")
def bank(live) -> Caller:
    return institution(live)


@pytest.fixture
def owner(live) -> Caller:
    return holder(live, live.source.applicant_id)


def own(who: Caller, what: str):
    return who.get(f"/v1/accounts/{who.account}/{what}").json()


def fits(live) -> list[int]:
    return [one["support"] for one in Caller(live.url).get(f"/v1/sources/{live.source.id}").json()["fits"]]


def test_what_fits_a_source_is_what_it_declares(live, gram, tmp_path, bank):
    bureau, centre, anybody = authority(live, "bureau"), authority(live, "centre"), Caller(live.url)
    live.issue({live.person(): 30})
    live.publish()
    said = anybody.get(f"/v1/sources/{live.source.id}").json()
    issued = said["issued_g"]
    for terms, is_fit in (
        ({}, True), ({"kinds": ["scenario"]}, True), ({"kinds": ["project", "behaviour"]}, False),
        ({"methodologies": [said["methodology"], "none"]}, True), ({"methodologies": ["none"]}, False),
        ({"districts": ["310104"]}, said["district"] == "310104"), ({"least_g": issued, "most_g": issued}, True),
        ({"least_g": issued + 1}, False), ({"most_g": issued - 1}, False),
    ):  # fmt: skip
        support = done(bureau.post("/v1/supports", WORDS | terms))["support"]
        assert (support in fits(live)) is is_fit, terms
        assert is_problem(centre.post(f"/v1/supports/{support}/end", {}), 403, "forbidden"), "a policy is the bureau's"
        assert done(bureau.post(f"/v1/supports/{support}/end", {}))["state"] == "ended"
        assert support not in fits(live)
    for wrong in ({"kinds": []}, {"kinds": ["farm"]}, {"districts": ["31"]}, {"least_g": 2, "most_g": 1},
                  {"until": "2020-01-01T00:00:00.000Z"}, {"title_zh": "\u200b"}):  # fmt: skip
        assert is_problem(bureau.post("/v1/supports", WORDS | wrong), 400, "invalid"), wrong
    file = tmp_path / "support.json"
    file.write_text(json.dumps(WORDS | {"by_name": "某某银行"}), encoding="utf-8")
    at = "--registry", live.url, "--token"
    assert gram("support", "enter", file, "--account", bank.account, *at, bank.token)[1].endswith(" is entered now.\n")
    (entered,) = own(bank, "supports")["items"]
    support = entered["support"]
    assert (
        support in fits(live),
        support in [one["support"] for one in anybody.get("/v1/supports").json()["items"]],
    ) == (False,) * 2
    waits = {(one["what"], one["number"]) for one in centre.get("/v1/worklist").json()["errands"]}
    assert ("support", support) in waits
    assert gram("support", "approve", support, *at, centre.token)[:2] == (0, f"Support {support} is standing now.\n")
    assert is_problem(centre.post(f"/v1/supports/{support}/refusal", {}), 409, "conflict")
    assert support in fits(live)
    page = Caller(live.url).get(f"/sources/{live.source.id}?lang=en").text
    assert "Green loan (example)" in page
    assert f"fits finance {support}: Green loan" in gram("source", "show", live.source.id, "--registry", live.url)[1]
    person = holder(live, live.person())
    assert is_problem(person.act("supports", **WORDS, by_name="I"), 400, "invalid"), "a person offers no finance"


def test_a_financier_sees_what_the_owner_lets_it_see_and_no_more(live, gram, bank, owner):
    centre, other, number = authority(live, "centre"), institution(live), live.source.id
    path = f"/v1/accounts/{bank.account}/disclosed-sources/{number}"
    wanted = {"source": number, "financier": bank.account}
    for one in own(bank, "supports")["items"]:
        done(bank.post(f"/v1/accounts/{bank.account}/supports/{one['support']}/end", {}))
    assert is_problem(owner.act("disclosures", **wanted), 400, "invalid"), "it is no financier"
    support = done(bank.act("supports", **WORDS, by_name="某某银行"))["support"]
    done(centre.post(f"/v1/supports/{support}/approval", {}))
    assert is_problem(other.act("disclosures", **wanted), 404, "not-found"), "the source is not theirs"
    assert is_problem(bank.get(path), 404, "not-found")
    given = done(owner.act("disclosures", **wanted))["items"][0]
    assert is_problem(owner.act("disclosures", **wanted), 409, "conflict")
    lot = live.issue({live.person(): 40})
    seen = bank.get(path).json()
    assert (seen["lots"][0]["lot"], seen["lots"][0]["quantity_g"], seen["state"]) == (lot.id, 40, "live")
    assert seen["applicant"]
    assert is_problem(other.get(f"/v1/accounts/{other.account}/disclosed-sources/{number}"), 404, "not-found")
    shown = gram("support", "see", number, "--account", bank.account, "--registry", live.url, "--token", bank.token)
    assert f"lot {lot.id}: 40 g" in shown[1]
    told = own(owner, "disclosures")["items"][0]
    assert (told["disclosure"], len(told["read_at"]), told["ended_at"]) == (given["disclosure"], 2, None)
    assert [one["source"] for one in own(bank, "disclosed-sources")["items"]] == [number]
    end = f"/v1/accounts/{owner.account}/disclosures/{given['disclosure']}/end"
    assert is_problem(
        other.post(f"/v1/accounts/{other.account}/disclosures/{given['disclosure']}/end", {}), 404, "not-found"
    )
    assert done(owner.post(end, {}))["items"][0]["ended_at"]
    assert is_problem(bank.get(path), 404, "not-found"), "it was taken back"
    done(owner.act("disclosures", **wanted))
    done(bank.post(f"/v1/accounts/{bank.account}/supports/{support}/end", {}))
    assert is_problem(bank.get(path), 404, "not-found"), "who offers nothing any more is no financier"
    done(bank.post(f"/v1/accounts/{bank.account}/erasure", {"confirm": own(bank, "erasure")["confirm"]}))
    assert own(owner, "disclosures")["items"] == []
    assert all(one["by_name"] != "某某银行" for one in Caller(live.url).get("/v1/supports").json()["items"])

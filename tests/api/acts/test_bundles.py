"""Bundles over HTTP: gathered, read with what they are made of, and every gram followed both ways."""

import re

import pytest
from typer.testing import CliRunner

from api.decisions.shapes import Procedure
from api.gram import app
from api.ledger.bundle_shapes import Bundle, Trace
from registry.ledger.movement import read_serial, serial
from tests.support.rest import Caller, institution, is_problem, person_with


@pytest.fixture(scope="module")
def gathered(live):
    """A provider that returned what two persons redeemed, 30 g and 40 g, as one bundle."""
    provider = institution(live)
    for grams in (30, 40):
        rider = person_with(live, grams)
        rider.act("conversions", quantity_g=grams)
        rider.act("redemptions", quantity_g=grams, provider=provider.account)
    answer = provider.act("returns", all=True)
    assert answer.status_code == 201, answer.text
    live.publish()
    return provider, answer.json()


def test_a_return_answers_with_its_bundle(gathered):
    provider, answer = gathered
    first, last = read_serial(answer["bundle"])
    assert (answer["kind"], answer["quantity_g"], last - first) == ("gather", 70, 70)
    assert [one["serial"] for one in answer["movements"]] == [answer["bundle"]]
    (block,) = provider.ask("GET", f"/v1/accounts/{provider.account}/blocks").json()["items"]
    assert (block["serial"], block["bundle"], block["lot"]) == (answer["bundle"], answer["bundle"], None)


def test_a_bundle_says_what_it_is_made_of_and_each_gram_where_it_was(live, gathered):
    _, answer = gathered
    path = f"/v1/bundles/{answer['bundle']}"
    read = Caller(live.url).get(path).json()
    bundle = Bundle.model_validate(read, strict=True)
    assert (bundle.pieces, bundle.quantity_g, bundle.before_g) == (2, 70, None)
    assert [part.quantity_g for part in bundle.made_of] == [40, 30]
    assert {part.source.name_en for part in bundle.made_of} == {live.source.name_en}
    first, last = read_serial(bundle.serial)
    before = [Caller(live.url).get(path, params={"gram_g": gram}).json()["before_g"] for gram in (first, last - 1)]
    assert len(set(before)) == 2
    for gram, old in zip((first, last - 1), before, strict=True):
        trace = Trace.model_validate(Caller(live.url).get(f"/v1/grams/{gram}").json(), strict=True)
        assert [stretch.gram_g for stretch in trace.stretches] == [old, gram]
        assert (trace.earlier_g, trace.later_g) == (None, None)
        kinds = [[one.kind for one in stretch.movements] for stretch in trace.stretches]
        assert kinds == [["issue", "convert", "redeem", "gather"], ["bundle"]]
        assert Caller(live.url).get(f"/v1/grams/{old}").json() == trace.model_dump(mode="json", by_alias=True)
        into = trace.stretches[0].movements[-1].gathered_into
        assert read_serial(into)[0] <= gram < read_serial(into)[1]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/bundles/SHCER-0-0", 404, "not-found"),
        ("/v1/bundles/SHCER-5-1", 404, "not-found"),
        ("/v1/bundles/nothing", 404, "not-found"),
        ("/v1/grams/9223372036854775807", 404, "not-found"),
        ("/v1/grams/-1", 422, "malformed"),
        ("/v1/grams/01", 422, "malformed"),
    ],
)
def test_what_is_not_there_is_said(live, path, status, code):
    assert is_problem(Caller(live.url).get(path), status, code)


@pytest.mark.parametrize("body", [{}, {"all": True, "quantity_g": 1}, {"all": False}, {"all": True, "class": "III"}])
def test_a_body_says_one_amount(gathered, body):
    provider, _ = gathered
    for act in ("returns", "bundles"):
        assert is_problem(provider.act(act, **body), 422, "malformed")


def test_a_person_gathers_nothing_and_nobody_what_he_has_not(live, gathered):
    provider, _ = gathered
    rider = person_with(live, 10)
    assert is_problem(rider.act("bundles", all=True), 409, "rule-broken")
    assert is_problem(provider.act("returns", all=True), 409, "insufficient")
    assert is_problem(provider.act("bundles", quantity_g=71), 409, "insufficient")
    foreign = serial(*[int(end) for end in re.findall(r"\d+", rider.blocks()[0][0])])
    assert is_problem(provider.act("bundles", serial=foreign), 409, "insufficient")


def test_a_bundle_asked_for_twice_is_one(gathered):
    provider, _ = gathered
    first = provider.act("bundles", "bundle-once", all=True)
    again = provider.act("bundles", "bundle-once", all=True)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert provider.balances() == {"reduction": 70, "points": 0}


def test_the_page_of_a_bundle_and_of_a_gram_that_went_into_it(live, gathered):
    _, answer = gathered
    first, _ = read_serial(answer["bundle"])
    page = Caller(live.url).get(f"/blocks/{answer['bundle']}", params={"gram": first}).text
    assert "由哪些克汇集而成" in page
    old = Caller(live.url).get(f"/v1/bundles/{answer['bundle']}", params={"gram_g": first}).json()["before_g"]
    assert f"/search?q={old}" in page
    gone = Caller(live.url).get("/search", params={"q": str(old), "lang": "en"}, follow_redirects=True).text
    assert "gathered into a bundle" in gone
    assert "can never be used again" not in gone


def test_the_procedure_behind_a_gram(live, gathered):
    """From any of its numbers to the methodology, the source and the policies, each with who decided and approved."""
    live.publish()
    _, answer = gathered
    part = Caller(live.url).get(f"/v1/bundles/{answer['bundle']}").json()["made_of"][0]
    answer = Caller(live.url).get(f"/v1/lots/{part['lot']}/procedure")
    procedure = Procedure.model_validate_json(answer.content, strict=True)
    says = [one.says for one in procedure.decisions]
    assert [one["decision"] for one in says if one["record"] == "issuance"] == ["propose", "issue"]
    issued = says[-1]
    assert issued["second"] not in {issued["actor"], says[-2]["actor"]}
    assert {one["to"] for one in says if one["record"] == "source"} >= {"published", "live"}
    assert [one["to"] for one in says if one["record"] == "methodology"][-1] == "published"
    by_digest = {one.digest: one.says["record"] for one in procedure.decisions}
    named = [issued["source"], issued["methodology"], *issued["policies"]]
    assert [by_digest[digest] for digest in named] == ["source", "methodology", *["policy"] * len(issued["policies"])]
    indices = [one.index for one in procedure.decisions]
    assert indices == sorted(indices)
    assert is_problem(Caller(live.url).get("/v1/lots/9999999/procedure"), 404, "not-found")


def test_gram_trace_prints_the_way(live, gathered):
    _, answer = gathered
    first, _ = read_serial(answer["bundle"])
    done = CliRunner().invoke(app, ["trace", str(first), "--data", str(live.site.folder.path)])
    assert done.exit_code == 0, done.output
    assert re.search(r"issue, .*\n.*convert, .*\n.*redeem, .*\n.*gather, .*gathered into SHCER-", done.output)
    assert f"as gram {first}" in done.output
    behind = (r"methodology M-1 .*: publish, .*approved by", r"source S-1: .*live", r"I-\d+: issue, .*approved by")
    assert all(re.search(line, done.output) for line in behind), done.output

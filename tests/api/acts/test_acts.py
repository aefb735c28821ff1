"""Every act over HTTP, by quantity and by serial, and what can be read afterwards: from an account to a receipt."""

from typing import Any

import pytest

from anchoring.chain.client import AnchorClient
from anchoring.leaf import decode
from anchoring.trust.policy import k_of
from anchoring.verify import Anchors, Outcome, verify_receipt
from api.accounts.shapes import Blocks
from api.ledger.shapes import (
    ActAnswer,
    CancelAnswer,
    Certificate,
    EvidenceAnswer,
    Leaves,
    Lot,
    Lots,
    OwnMovement,
    OwnMovements,
    Totals,
)
from registry.evidence import document
from registry.ledger.movement import Kind, read_serial, serial
from tests.support.rest import Caller, authority, institution, is_problem, person_with


def first_gram(caller: Caller) -> int:
    return int(caller.blocks()[0][0].split("-")[1])


def done(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return ActAnswer.model_validate(answer.json(), strict=True, extra="ignore").model_dump()


def test_each_act_by_quantity(live):
    rider, provider, company = person_with(live, 1000), institution(live), institution(live)
    g = first_gram(rider)

    converted = done(rider.act("conversions", quantity_g=600))
    assert (converted["kind"], converted["quantity_g"], converted["quantity_t"]) == ("convert", 600, "0.000600")
    assert converted["state"] == "recorded"
    assert [m["serial"] for m in converted["movements"]] == [serial(g, g + 600)]
    assert converted["movements"][0]["until"] is not None
    assert rider.balances() == {"reduction": 400, "points": 600}

    spent = done(rider.act("redemptions", quantity_g=500, provider=provider.account, reference="order 7"))
    refunded = done(provider.act("refunds", quantity_g=100, redemption=spent["act"]))
    returned = done(provider.act("returns", quantity_g=300))
    assert [spent["kind"], refunded["kind"], returned["kind"]] == ["redeem", "refund", "gather"]
    assert rider.balances() == {"reduction": 400, "points": 200}
    assert provider.balances() == {"reduction": 300, "points": 100}

    moved = done(provider.act("transfers", quantity_g=250, to=company.account, purpose="donation"))
    assert moved["kind"] == "transfer"
    ended = company.act("cancellations", quantity_g=200, purpose="voluntary-offset", beneficiary="年会")
    assert CancelAnswer.model_validate(ended.json(), strict=True).quantity_g == 200
    assert company.balances() == {"reduction": 50, "points": 0}
    kept = [balance for who in (rider, provider, company) for balance in who.balances().values()]
    assert sum(kept) == 1000 - 200


def test_each_act_by_serial(live):
    rider, provider, company = person_with(live, 1000), institution(live), institution(live)
    g = first_gram(rider)
    middle = serial(g + 300, g + 700)

    assert done(rider.act("conversions", serial=middle))["movements"][0]["serial"] == middle
    assert rider.blocks() == [
        (serial(g, g + 300), "reduction"),
        (middle, "points"),
        (serial(g + 700, g + 1000), "reduction"),
    ]
    by_serial = rider.act("redemptions", serial=serial(g + 300, g + 600), provider=provider.account)
    assert is_problem(by_serial, 422, "malformed"), "what expires first is spent first, and nobody chooses (R23)"
    spent = done(rider.act("redemptions", quantity_g=300, provider=provider.account))
    done(provider.act("refunds", serial=serial(g + 300, g + 350), redemption=spent["act"]))
    returned = provider.act("returns", serial=serial(g + 400, g + 600)).json()["bundle"]
    assert provider.blocks() == [(serial(g + 350, g + 400), "points"), (returned, "reduction")]
    b, _ = read_serial(returned)
    assert returned == serial(b, b + 200)
    done(provider.act("transfers", serial=serial(b + 100, b + 200), to=company.account))
    done(company.act("cancellations", serial=serial(b + 150, b + 151), purpose="voluntary-cancellation"))
    assert company.blocks() == [
        (serial(b + 100, b + 150), "reduction"),
        (serial(b + 151, b + 200), "reduction"),
    ]


@pytest.mark.parametrize(
    ("act", "more"),
    [
        ("conversions", {}),
        ("transfers", {"to": None}),
        ("cancellations", {"purpose": "voluntary-cancellation"}),
    ],
)
def test_nobody_acts_on_grams_of_others(live, act, more):
    mine, theirs, shop = person_with(live, 10), person_with(live, 10), institution(live)
    for held in (mine, theirs):
        held.act("conversions", quantity_g=5)
    named = {name: value or shop.account for name, value in more.items()}
    for held in [name for name, _ in theirs.blocks()]:
        assert is_problem(mine.act(act, serial=held, **named), 409, "insufficient")
    assert theirs.balances() == {"reduction": 5, "points": 5}


def test_what_the_programme_does_not_allow_is_said(live):
    rider, other, shop = person_with(live, 100), person_with(live, 1), institution(live)
    rider.act("conversions", quantity_g=50)
    refusals = [
        (rider.act("conversions", quantity_g=51), "insufficient"),
        (rider.act("returns", quantity_g=1), "rule-broken"),
        (shop.act("conversions", quantity_g=1), "rule-broken"),
        (rider.act("cancellations", quantity_g=1, form="points", purpose="voluntary-offset"), "rule-broken"),
        (rider.act("cancellations", quantity_g=1, purpose="compliance-offset"), "insufficient"),
        (shop.act("refunds", quantity_g=1, redemption="1"), "insufficient"),
    ]
    for answer, code in refusals:
        assert is_problem(answer, 409, code)
    for answer in (
        rider.act("transfers", quantity_g=1, to=rider.account),
        rider.act("transfers", quantity_g=1, to=shop.account, purpose="listed-trade"),
        rider.act("cancellations", quantity_g=1, purpose="abnormal-data"),
        rider.act("cancellations", quantity_g=1, form="end", purpose="donation"),
    ):
        assert is_problem(answer, 400, "invalid")
    assert is_problem(rider.act("transfers", quantity_g=1, to=2**53 - 1), 404, "not-found")
    assert is_problem(rider.act("redemptions", quantity_g=1, provider=other.account), 404, "not-found")
    assert rider.balances() == {"reduction": 50, "points": 50}


def test_who_sends_points_is_told_what_becomes_of_points(live):
    rider, shop = person_with(live, 100), institution(live)
    rider.act("conversions", quantity_g=100)
    block = rider.blocks()[0][0]
    for amount in ({"quantity_g": 5}, {"serial": block}):
        answer = rider.act("transfers", to=shop.account, **amount)
        assert is_problem(answer, 409, "insufficient")
        said = answer.json()["detail"]
        assert "100 g as points" in said
        assert "not transferred" in said
    answer = rider.act("cancellations", quantity_g=5, purpose="donation")
    assert is_problem(answer, 409, "insufficient")
    assert "form" in answer.json()["detail"]
    other = person_with(live, 7)
    answer = other.act("redemptions", quantity_g=5, provider=shop.account)
    assert is_problem(answer, 409, "insufficient")
    assert "7 g as reduction" in answer.json()["detail"]
    assert "Convert" in answer.json()["detail"]


def test_a_movement_goes_from_recorded_to_final(live):
    rider = person_with(live, 1000)
    movement = done(rider.act("conversions", quantity_g=10))["movements"][0]["id"]

    def state() -> tuple[str, bool, bool]:
        seen = rider.get(f"/v1/movements/{movement}").json()
        OwnMovement.model_validate(seen, strict=True)
        return seen["state"], seen["index"] is not None, seen["receipt"] is not None

    assert state() == ("recorded", False, False)
    early = rider.get(f"/v1/movements/{movement}/receipt")
    assert is_problem(early, 404, "not-yet-logged")
    assert int(early.headers["Retry-After"]) > 0
    live.site.publisher.publish()
    assert state() == ("logged", True, True)
    live.site.anchorer.anchor()
    assert state()[0] in {"anchored", "final"}
    live.site.anchorer.settle()
    states = {state()[0]}
    live.publish()
    assert state() == ("final", True, True)
    assert states <= {"anchored", "final"}


def test_a_receipt_verifies_from_outside(live):
    rider = person_with(live, 1000)
    movement = done(rider.act("conversions", quantity_g=10))["movements"][0]["id"]
    live.publish()
    about = rider.get("/v1/about").json()
    receipt = rider.get(f"/v1/movements/{movement}/receipt")
    cosigners = [signer["cosigner_vkey"] for signer in about["signers"]]
    with AnchorClient(about["chain"]["rpc"], about["chain"]["contract"]) as chain:
        anchors = Anchors(chain.head().size, chain.root_at)
        found = verify_receipt(receipt.content, about["log"]["vkey"], k_of(cosigners, about["threshold"]), anchors)
    assert [step.outcome for step in found.steps] == [Outcome.HOLDS] * 6
    assert found.movement is not None
    assert (found.movement.kind, found.movement.quantity_g) == (Kind.CONVERT, 10)
    assert receipt.headers["Content-Type"] == "text/plain; charset=utf-8"
    seen = rider.get(f"/v1/movements/{movement}").json()
    assert decode(bytes.fromhex(seen["leaf"])) == found.movement
    assert receipt.headers["Content-Disposition"] == f'attachment; filename="leaf-{seen["index"]}.tlog-proof"'
    public = Caller(live.url).get(seen["receipt"])
    assert (public.content, public.headers["Content-Disposition"]) == (
        receipt.content,
        receipt.headers["Content-Disposition"],
    )


def test_evidence_is_disclosed_field_by_field(live):
    giver, company = person_with(live, 10), institution(live)
    moved = done(giver.act("transfers", quantity_g=10, to=company.account, reference="合同 12"))["movements"][0]["id"]
    said = company.get(f"/v1/movements/{moved}/evidence").json()
    EvidenceAnswer.model_validate(said, strict=True)
    digest = bytes.fromhex(said["digest"])
    assert said["digest"] == giver.get(f"/v1/movements/{moved}").json()["evidence"]
    assert said["fields"]["reference"][1] == "合同 12"
    assert document.verify(said["fields"], digest)
    assert document.verify(document.disclose(said["fields"], ["quantity_g"]), digest)
    forged = said["fields"] | {"reference": [said["fields"]["reference"][0], "合同 13"]}
    assert not document.verify(forged, digest)


def test_a_certificate_is_data_with_its_movements(live):
    company = institution(live)
    rider = person_with(live, 30)
    rider.act("transfers", quantity_g=30, to=company.account)
    g = first_gram(company)
    company.act("transfers", serial=serial(g + 10, g + 20), to=rider.account)
    words = {"beneficiary": "Annual meeting", "statement": "差旅排放抵消"}
    ended = company.act("cancellations", quantity_g=20, purpose="voluntary-offset", **words).json()
    path = f"/v1/certificates/{ended['certificate']}"
    early = Caller(live.url).get(path).json()
    assert (early["quantity_g"], early["state"], early["movements"]) == (20, "recorded", [])
    live.publish()
    found = Caller(live.url).get(path).json()
    Certificate.model_validate(found, strict=True)
    assert {name: found[name] for name in words} == words
    assert (found["quantity_g"], found["purpose"], found["form"]) == (20, "voluntary-offset", "reduction")
    assert [m["serial"] for m in found["movements"]] == [serial(g, g + 10), serial(g + 20, g + 30)]
    assert [m["index"] for m in found["movements"]] == [live.index(m["id"]) for m in ended["movements"]]
    assert found["state"] == "final"
    assert {m["kind"] for m in found["movements"]} == {"cancel"}


def test_what_belongs_together_is_said_to_the_parties_only(live):
    """An act's number would tie all its blocks, the digest of a lot's inputs is of the platform's own data."""
    rider, public = person_with(live, 30), Caller(live.url)
    g = first_gram(rider)
    rider.act("conversions", serial=serial(g + 10, g + 20))
    ended = rider.act("cancellations", quantity_g=20, purpose="voluntary-cancellation").json()
    assert len(ended["movements"]) == 2
    own = OwnMovements.model_validate(rider.get(f"/v1/accounts/{rider.account}/movements").json(), strict=True)
    assert [seen.act for seen in own.items[:2]] == [ended["act"]] * 2
    live.publish()
    listed = public.get("/v1/leaves?limit=200").json()
    Leaves.model_validate(listed, strict=True)
    one = public.get(f"/v1/leaves/{live.index(ended['movements'][0]['id'])}").json()
    certificate = public.get(f"/v1/certificates/{ended['certificate']}").json()
    for said in (*listed["items"], one, certificate, *certificate["movements"]):
        assert not {"act", "id", "parent"} & set(said)
    lots = public.get("/v1/lots").json()["items"]
    for said in (*lots, public.get(f"/v1/lots/{lots[0]['id']}").json()):
        assert "inputs_sha256" not in said
        assert said["period_from"][10:] == said["period_until"][10:] == "T16:00:00.000Z", "days, not when somebody rode"


def test_lots_and_totals_add_up(live):
    public = Caller(live.url)
    live.publish()
    before = public.get("/v1/totals").json()
    rider = person_with(live, 500)
    rider.act("conversions", quantity_g=200)
    rider.act("cancellations", quantity_g=50, form="points", purpose="donation")
    assert public.get("/v1/totals").json() == before, "nobody sees an act by its sums before it is logged"
    live.publish()
    after = public.get("/v1/totals").json()
    Totals.model_validate(after, strict=True)
    grown = {name: after[name] - before[name] for name in ("issued_g", "reduction_g", "points_g")}
    assert grown == {"issued_g": 500, "reduction_g": 300, "points_g": 150}
    assert after["ended_g"]["donation"] - before["ended_g"].get("donation", 0) == 50
    newest = public.get("/v1/lots?limit=1").json()
    Lots.model_validate(newest, strict=True)
    assert newest["items"][0]["quantity_g"] == 500
    lot = public.get(f"/v1/lots/{newest['items'][0]['id']}").json()
    assert Lot.model_validate(lot, strict=True).methodology.code == live.source.methodology_code


def test_lists_are_read_to_the_end_by_cursor(live):
    rider = person_with(live, 100)
    g = first_gram(rider)
    for n in range(5):
        rider.act("conversions", serial=serial(g + 20 * n, g + 20 * n + 1))
    for path, count in (("blocks", 10), ("movements", 6)):
        url = f"/v1/accounts/{rider.account}/{path}?limit=4"
        pages, cursor = [rider.get(url).json()], None
        while cursor := pages[-1]["next_cursor"]:
            pages.append(rider.get(f"{url}&cursor={cursor}").json())
        items = [item["serial"] for page in pages for item in page["items"]]
        assert [len(page["items"]) for page in pages[:-1]] == [4] * (len(pages) - 1)
        assert len(items) == len(set(items)) == count
    Blocks.model_validate(rider.get(f"/v1/accounts/{rider.account}/blocks").json(), strict=True)


def test_an_account_is_opened_by_the_centre_and_erased_by_its_holder(live):
    opened = authority(live, "centre").post("/v1/accounts", {"kind": "individual", "name": "Li Lei"})
    assert opened.status_code == 201
    account = opened.json()["id"]
    holder = Caller(live.url, live.token("holder", account), account)
    live.issue({account: 10})
    moved = done(holder.act("cancellations", quantity_g=1, purpose="donation"))["movements"][0]["id"]
    assert holder.get(f"/v1/accounts/{account}").json()["name"] == "Li Lei"
    confirm = holder.get(f"/v1/accounts/{account}/erasure").json()["confirm"]
    erased = holder.post(f"/v1/accounts/{account}/erasure", {"confirm": confirm, "reductions": "forfeit"})
    assert erased.status_code == 201
    centre = authority(live, "centre")
    seen = centre.get(f"/v1/accounts/{account}").json()
    assert (seen["name"], seen["erased_at"] is not None) == (None, True)
    assert is_problem(holder.act("conversions", quantity_g=1), 403, "no-role")
    evidence = centre.get(f"/v1/movements/{moved}/evidence").json()
    assert "Li Lei" not in str(evidence)
    assert document.verify(evidence["fields"], bytes.fromhex(evidence["digest"]))

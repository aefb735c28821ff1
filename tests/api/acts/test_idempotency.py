"""Idempotency keys over HTTP: one key, one act, whatever happens in between."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import rfc8785
import sqlalchemy as sa

from tests.support.rest import authority, fresh_key, institution, is_problem, person_with


def test_the_same_key_with_the_same_body_gives_the_first_answer(live):
    rider, key = person_with(live, 100), fresh_key()
    first, again = (rider.act("conversions", key, quantity_g=10) for _ in range(2))
    assert [first.status_code, again.status_code] == [201, 201]
    assert first.json() == again.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert rider.balances() == {"reduction": 90, "points": 10}


def test_the_first_answer_is_given_when_the_grams_are_long_gone(live):
    rider, key = person_with(live, 10), fresh_key()
    first = rider.act("conversions", key, quantity_g=10)
    rider.act("cancellations", quantity_g=10, form="points", purpose="voluntary-cancellation")
    again = rider.act("conversions", key, quantity_g=10)
    assert (again.status_code, again.json()) == (201, first.json())


def test_what_is_kept_of_a_request_cannot_be_tried_out(live):
    key, body = fresh_key(), {"kind": "individual", "name": "Li Lei"}
    centre, kept = authority(live, "centre"), sa.text("SELECT * FROM idempotency")
    with live.site.database.transaction() as tx:
        before = {bytes(row.claim) for row in tx.execute(kept)}
    assert centre.post("/v1/accounts", body, key).status_code == 201
    assert centre.post("/v1/accounts", body, key).headers["Idempotency-Replayed"] == "true"
    with live.site.database.transaction() as tx:
        (row,) = [row for row in tx.execute(kept) if bytes(row.claim) not in before]
    vault, asked = live.site.ledger.vault, ["POST /v1/accounts", body]
    guesses = [hashlib.sha256(rfc8785.dumps(asked)).digest(), vault.keyed_digest("request", rfc8785.dumps(asked))]
    assert not set(guesses) & {bytes(row.claim), bytes(row.request_mac or b"")}
    said = repr(row)
    assert [word for word in ("Li Lei", key, "centre") if word in said] == []


def test_the_same_key_with_another_body_or_act_is_a_conflict(live):
    rider, key = person_with(live, 100), fresh_key()
    rider.act("conversions", key, quantity_g=10)
    assert is_problem(rider.act("conversions", key, quantity_g=11), 409, "idempotency-key-reused")
    other_act = rider.act("cancellations", key, quantity_g=10, purpose="voluntary-cancellation")
    assert is_problem(other_act, 409, "idempotency-key-reused")
    assert rider.balances() == {"reduction": 90, "points": 10}


def test_how_the_body_is_written_does_not_matter(live):
    rider, to, key = person_with(live, 100), institution(live).account, fresh_key()
    path = f"/v1/accounts/{rider.account}/transfers"
    first = rider.post(path, f'{{"to":{to},"quantity_g":7}}'.encode(), key)
    again = rider.post(path, f' {{ "quantity_g" : 7, "purpose": "agreement", "to" : {to} }} '.encode(), key)
    assert first.status_code == 201
    assert again.json() == first.json()
    assert rider.balances()["reduction"] == 93


def test_a_key_is_the_callers_own(live):
    one, two, key = person_with(live, 10), person_with(live, 10), fresh_key()
    acts = [caller.act("conversions", key, quantity_g=10).json()["act"] for caller in (one, two)]
    assert acts[0] != acts[1]
    assert [one.balances()["points"], two.balances()["points"]] == [10, 10]


def test_the_centre_and_a_holder_do_not_share_a_key(live):
    rider, provider, key = person_with(live, 20), institution(live), fresh_key()
    rider.act("conversions", quantity_g=20)
    rider.act("redemptions", quantity_g=20, provider=provider.account)
    path = f"/v1/accounts/{provider.account}/returns"
    acts = [who.post(path, {"quantity_g": 10}, key) for who in (provider, authority(live, "centre"))]
    assert [answer.status_code for answer in acts] == [201, 201]
    assert provider.balances() == {"reduction": 20, "points": 0}


def test_a_failed_act_leaves_the_key_free(live):
    rider, key = person_with(live, 10), fresh_key()
    assert is_problem(rider.act("conversions", key, quantity_g=11), 409, "insufficient")
    assert rider.act("conversions", key, quantity_g=10).status_code == 201


def test_twenty_at_once_with_one_key_are_one_act(live):
    rider, key = person_with(live, 1000), fresh_key()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: rider.act("conversions", key, quantity_g=7), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["act"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert rider.balances() == {"reduction": 993, "points": 7}


def test_an_act_without_a_key_is_refused_with_what_to_do(live):
    rider = person_with(live, 10)
    answer = rider.ask("POST", f"/v1/accounts/{rider.account}/conversions", json={"quantity_g": 1})
    assert is_problem(answer, 400, "idempotency-key-missing")
    assert "Idempotency-Key" in answer.json()["detail"]


@pytest.mark.parametrize(
    "key", ["", "k" * 201, "é".encode("latin-1"), "a\tb", "one, two"], ids=["empty", "long", "latin", "tab", "two"]
)
def test_a_key_that_is_none_is_refused(live, key):
    rider = person_with(live, 10)
    headers = {"Idempotency-Key": key}
    answer = rider.ask("POST", f"/v1/accounts/{rider.account}/conversions", json={"quantity_g": 1}, headers=headers)
    assert is_problem(answer, 400, "invalid")
    assert rider.balances()["points"] == 0


def test_opening_an_account_twice_with_one_key_opens_one(live):
    centre, key = authority(live, "centre"), fresh_key()
    body = {"kind": "institution", "name": "Once"}
    first, again = (centre.post("/v1/accounts", body, key) for _ in range(2))
    assert first.json() == again.json()

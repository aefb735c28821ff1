"""Whatever two ask for at once happens once: threads over HTTP, each with a key of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from registry.identity.grants import Grant
from registry.identity.roles import Role
from tests.api.sources.test_objections import in_publicity
from tests.api.submissions.test_submissions import done, signed_in
from tests.support.rest import Caller, authority, holder, institution

AT_ONCE = 6


def raced(ask: Callable[[int], object]) -> list[int]:
    """The statuses that all get who ask at once, in order."""
    together = Barrier(AT_ONCE)

    def one(number: int) -> int:
        together.wait()
        return ask(number).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sorted(pool.map(one, range(AT_ONCE)))


@pytest.fixture
def officers(live) -> list[Caller]:
    """The second officers of the centre and on."""
    for number in range(2, AT_ONCE + 2):
        live.grant(f"centre-{number}", Grant(Role.CENTRE, officer=number))
    return [signed_in(live, f"centre-{number}") for number in range(2, AT_ONCE + 2)]


def test_objections_appointments_consents_and_supports_are_each_won_once(live, officers):
    centre, once = authority(live, "centre"), [201] + [409] * (AT_ONCE - 1)
    case = in_publicity(live, centre)
    said, anybody = {"text": "The same words from one address. 同样的话"}, Caller(live.url)
    received = []
    assert raced(lambda _: received.append(anybody.post(f"/v1/cases/{case}/objections", said)) or received[-1]) == (
        [201] * AT_ONCE
    ), "sent again it is the same"
    assert len({one.json()["objection"] for one in received}) == 1
    objection = received[0].json()["objection"]
    done(centre.post(f"/v1/cases/{case}/decisions", {"decision": "object"}))
    answer = f"/v1/cases/{case}/objections/{objection}/answer"
    assert raced(lambda one: officers[one].post(answer, {"text": f"Answer {one}."})) == once

    named = {"role": "centre", "subject": "raced for", "number": 970}
    appointment = done(centre.post("/v1/appointments", named))["appointment"]
    assert raced(lambda one: officers[one].post(f"/v1/appointments/{appointment}/approval", {})) == once

    person, source = holder(live, live.person()), live.source.id
    code = done(person.act("link-codes", source=source))["code"]
    platform = Caller(live.url, live.token("platform", live.source.applicant_id))
    linked = raced(
        lambda one: platform.post(f"/v1/sources/{source}/consents", {"code": code, "external_id": f"raced-{one}"})
    )
    assert linked == [201] + [404] * (AT_ONCE - 1), "a code is used once"
    assert len(person.get(f"/v1/accounts/{person.account}/consents").json()["items"]) == 1
    taken = f"/v1/accounts/{person.account}/consents/{source}/withdrawal"
    assert raced(lambda _: person.post(taken, {})) == linked, "and a consent taken back once"

    bank = institution(live)
    words = dict.fromkeys(("title_zh", "title_en", "text_zh", "text_en", "by_name"), "示例")
    support = done(bank.act("supports", **words))["support"]
    acts = ("approval", "refusal")
    assert raced(lambda one: officers[one].post(f"/v1/supports/{support}/{acts[one % 2]}", {})) == once

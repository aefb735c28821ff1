"""A person's points over REST and on the person's own page."""

from datetime import date

from api.serving.points import StandingOrders, tell_of_expiry
from registry.clock import in_shanghai, system_clock
from tests.support.rest import institution, is_problem, person_with


class Never:
    def is_set(self) -> bool:
        return False


def done(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_person_sees_what_ends_when_and_lets_all_be_converted(live):
    person, shop = person_with(live, 1_000), institution(live)
    path = f"/v1/accounts/{person.account}"
    done(person.act("conversions", quantity_g=300))
    points = person.get(f"{path}/points").json()
    assert (points["usable_g"], points["historical_g"], points["honour"]) == (300, 0, None)
    assert [one["quantity_g"] for one in points["by_expiry"]] == [300]
    assert date.fromisoformat(points["by_expiry"][0]["until"][:10]).year == in_shanghai(system_clock()).year + 2
    orders = StandingOrders(live.site)
    orders.round(Never())
    given = done(person.post(f"{path}/standing-order", {}))
    assert given["standing_order_since"] is not None
    orders.round(Never())
    assert person.get(f"{path}/points").json()["usable_g"] == 1_000, "what was issued before the order too"
    live.issue({person.account: 50})
    orders.round(Never())
    assert person.get(f"{path}/points").json()["usable_g"] == 1_050, "what is issued later too"
    assert done(person.post(f"{path}/standing-order/end", {}))["standing_order_since"] is None
    live.issue({person.account: 5})
    orders.round(Never())
    assert person.get(f"{path}/points").json()["usable_g"] == 1_050
    assert is_problem(person.post(f"{path}/standing-order/end", {}), 404, "not-found")
    assert is_problem(shop.post(f"/v1/accounts/{shop.account}/standing-order", {}), 400, "invalid")
    tell_of_expiry(live.site, Never())
    assert person.get(f"{path}/points").json()["notices"] == [], "two years are left"


def test_all_converts_at_once_by_choice(live):
    person = person_with(live, 70)
    assert done(person.act("conversions", all=True))["quantity_g"] == 70
    assert is_problem(person.act("conversions", all=True, quantity_g=1), 422, "malformed")
    assert is_problem(person.act("conversions", all=True), 409, "insufficient")

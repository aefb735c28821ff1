"""The switches of a behaviour (行为场景), and what is recognised without grams (R52)."""

import pytest

from api.installation.officers import BUREAU, CENTRE
from registry.activities.activities import Activity
from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.errors import Insufficient
from registry.issuance.issue import issue
from registry.issuance.report import Report
from registry.ledger.ledger import Amount
from registry.ledger.movement import Form
from registry.points.points import bundle_held, convert, redeem, return_points
from registry.policies.policies import publish_policy
from tests.support.scheme import DAY, VALID, behaviour_of, found_source

MINUTE = 60_000
SWITCHES = ("quantified", "issues", "converts", "tradable")


def next_minute(scheme) -> int:
    return (scheme.clock.now // MINUTE + 2) * MINUTE


def test_grams_of_a_behaviour_that_neither_converts_nor_is_traded_go_nowhere_until_it_does(scheme):
    behaviour = behaviour_of()
    with scheme.database.transaction() as tx:
        source = found_source(tx, scheme.ledger, behaviour, VALID, "Behaviour")
    rider, shop, firm = scheme.person(), scheme.institution(), scheme.institution()

    def let(at, **on):
        switches = dict.fromkeys(("quantified", "issues", "converts", "tradable"), False) | on
        with scheme.database.transaction() as tx:
            publish_policy(tx, scheme.ledger, "behaviours", {"behaviours": {behaviour.key: switches}}, at, BUREAU)
        scheme.clock.now = max(scheme.clock.now, at)

    def do(act, *of):
        with scheme.database.transaction() as tx:
            return act(tx, scheme.ledger, *of)

    let(0, quantified=True, issues=True)
    day = scheme.source.valid_from_ms + 7 * DAY
    first = do(issue, Report(source, [Activity("a", rider, day, day + 1, 100), Activity("b", firm, day, day + 1, 100)]),
               CENTRE).first  # fmt: skip
    scheme.issue({rider: 10, shop: 10})
    for act, account, rest in (
        (convert, rider, (Amount(11),)),
        (convert, rider, (Amount(5, first),)),
        (transfer, firm, (shop, Amount(1), "agreement")),
        (bundle_held, firm, (Form.REDUCTION, Amount(1))),
    ):
        with pytest.raises(Insufficient, match=f"grams of {behaviour.key} are not for this"):
            do(act, account, *rest)
    do(convert, rider, Amount(10))
    do(transfer, firm, shop, Amount(10), "donation")
    do(cancel, firm, Amount(10), Intent("reduction", "voluntary-offset", "A", "B"))
    let(next_minute(scheme), quantified=True, issues=True, converts=True)
    do(convert, rider, Amount(100))
    do(redeem, rider, shop, 110)
    with pytest.raises(Insufficient, match="are not for this"):
        do(return_points, shop, Amount(11))
    assert do(return_points, shop, None).quantity_g == 10, "what is traded alone comes back"
    let(next_minute(scheme), quantified=True, issues=True, converts=True, tradable=True)
    assert do(return_points, shop, None).quantity_g == 100
    do(transfer, firm, shop, Amount(80), "agreement")

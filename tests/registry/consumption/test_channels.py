"""What grams may be used for is a policy: by class, from its minute on, and no further than every leaf is judged by."""

import copy
import re

import pytest

from api.installation.officers import BUREAU
from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.errors import ChannelClosed, Insufficient, Invalid
from registry.ledger.ledger import Amount
from registry.ledger.movement import Flag
from registry.points.points import convert
from registry.policies.channels import check_channels
from registry.policies.policies import publish_policy, shipped_policy

MINUTE = 60_000


def opened(scheme, **changed):
    """Publish the policy with these channels of reductions, and `points`, and let its minute come."""
    value = copy.deepcopy(shipped_policy("channels"))
    value["points"] = changed.pop("points", value["points"])
    value["reductions"] |= {name.replace("_", "-"): classes for name, classes in changed.items()}
    in_force = (scheme.clock.now // MINUTE + 2) * MINUTE
    with scheme.database.transaction() as tx:
        publish_policy(tx, scheme.ledger, "channels", value, in_force, BUREAU)
    before, scheme.clock.now = scheme.clock.now, in_force
    return before


def ended(scheme, account, purpose, form="reduction"):
    with scheme.database.transaction() as tx:
        return cancel(tx, scheme.ledger, account, Amount(1), Intent(form, purpose)).posted.movements[0].movement


def test_a_channel_that_is_closed_takes_nothing_from_its_minute_on(scheme):
    person, shop = scheme.person(), scheme.institution()
    scheme.issue({person: 100})
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, person, Amount(10))
    ended(scheme, person, "voluntary-offset")
    ended(scheme, person, "donation", "points")
    opened(scheme, voluntary_offset=[], trading=[], points=["voluntary-cancellation"])
    for form, purpose in (("reduction", "voluntary-offset"), ("points", "donation")):
        with pytest.raises(ChannelClosed, match=f"{purpose} is not open to {form}"):
            ended(scheme, person, purpose, form)
    with pytest.raises(ChannelClosed, match="trading"), scheme.database.transaction() as tx:
        transfer(tx, scheme.ledger, person, shop, Amount(1), "agreement")
    ended(scheme, person, "voluntary-cancellation", "points")
    with scheme.database.transaction() as tx:
        transfer(tx, scheme.ledger, person, shop, Amount(1), "donation")


def test_a_channel_of_one_class_takes_that_class_alone(scheme):
    shop = scheme.institution()
    scheme.issue({shop: 1})
    scheme.issue({shop: 1}, is_class_i=True)
    opened(scheme, voluntary_offset=["II"], donation=["I"])
    for purpose, of_class_i in (("voluntary-offset", False), ("donation", True)):
        assert bool(ended(scheme, shop, purpose).flags & Flag.CLASS_I) == of_class_i
        with pytest.raises(Insufficient, match="0 g"):
            ended(scheme, shop, purpose)


@pytest.mark.parametrize(
    ("place", "value", "word"),
    [
        ("reductions", {}, "names each of trading, donation"),
        ("reductions", [], "names each of"),
        ("points", ["voluntary-offset"], "out of donation, voluntary-cancellation"),
        ("points", "donation", "is a list out of"),
        ("points", ["donation", "donation"], "each once"),
        ("compliance-offset", ["I", "II"], "for class I alone"),
        ("trading", ["III"], "a list of classes"),
        ("trading", {"I": 1}, "a list of classes"),
    ],
)
def test_what_is_no_such_policy_says_why(place, value, word):
    policy = copy.deepcopy(shipped_policy("channels"))
    (policy if place in policy else policy["reductions"])[place] = value
    with pytest.raises(Invalid, match=re.escape(word)):
        check_channels(policy)
    check_channels(dict(shipped_policy("channels")))

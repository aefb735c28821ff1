"""A small story for a running installation: grams from their issue to a certificate."""

from dataclasses import dataclass

from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.ledger.ledger import Amount
from registry.points.points import convert, redeem, refund, return_points
from tests.support.running import Live


@dataclass(frozen=True)
class Story:
    """Grams `[first, first + 3_000_000)`: issued to two riders, converted, redeemed, refunded in part, returned,
    transferred, cancelled. `convert`, `refund` and `cancel` are log indices."""

    lot: int
    first: int
    convert: int
    refund: int
    cancel: int
    certificate: str
    cancelled: tuple[int, int]


def tell(live: Live) -> Story:
    """Let it happen, published and anchored."""
    ledger = live.site.ledger
    rider, other = live.person("Rider"), live.person("Other rider")
    provider, company = live.institution("Benefit provider"), live.institution("绿色出行有限公司")
    lot = live.issue({rider: 2_000_000, other: 1_000_000})
    with live.site.database.transaction() as tx:
        points = convert(tx, ledger, rider, Amount(1_500_000))
        spent = redeem(tx, ledger, rider, provider, 1_000_000, "order-1")
        undone = refund(tx, ledger, provider, spent.act_id, Amount(200_000))
        return_points(tx, ledger, provider, Amount(800_000))
        transfer(tx, ledger, provider, company, Amount(700_000), "agreement", "agreement-1")
        intent = Intent("reduction", "voluntary-offset", "2026 年会", "Travel of the annual meeting")
        done = cancel(tx, ledger, company, Amount(650_000), intent)
    live.publish()
    ended = done.posted.movements[0]
    return Story(
        lot.id,
        lot.first,
        live.index(points.movements[0].id),
        live.index(undone.movements[0].id),
        live.index(ended.id),
        done.certificate,
        (ended.movement.first, ended.movement.last),
    )

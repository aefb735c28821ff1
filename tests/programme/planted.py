"""Breaches of whoever writes the log and signs it, added to the log of a city one after the other."""

from registry.clock import rfc3339
from registry.ledger.movement import Kind
from tests.programme.model import NoCalendar
from tests.programme.stage import RIDES
from tests.support.decisions import OPINIONS, canonical

DAY = 86_400_000
MINUTE = 60_000


def planted(book, city):
    """Add each breach to a log; gives (leaf, rule) of those that must be named, in the order of the log.

    A faulty decision has no effect, so the next is of the case as it was before.
    """
    book.at = max(entry.movement.at for entry in book.entries) + DAY
    expected = []

    def breach(rule, case, decision, to, actor, **said):
        before = book.last[case]
        book.decide(case, decision, to, actor, **said)
        book.last[case] = before
        expected.append((len(book.entries) - 1, rule))

    points = book.case_of["points"]
    terms = {"name": "points", "value": canonical({"validity_years": 9}), "in_force": "2039-01-01T00:00:00.000Z"}
    if book.last[points][1] == "proposed":
        book.decide(points, "withdraw", "withdrawn", "bureau:9", **terms)
    book.decide(points, "propose", "proposed", "bureau:4", **terms)
    breach("SECOND", points, "publish", "published", "bureau:5", second="bureau:5", **terms)
    breach("SECOND", points, "publish", "published", "bureau:5", second="bureau:4", **terms)
    late = terms | {"in_force": rfc3339(book.at // 60_000 * 60_000 - DAY)}
    breach("POLICY", points, "publish", "published", "bureau:5", second="bureau:6", **late)

    source = next(
        entry for entry in reversed(book.entries) if entry.document and entry.document.values.get("case") == "S-1"
    )
    said = {f"{name}_": source.document.values[name] for name in ("kind", "methodology", "valid_from", "valid_until")}
    try:
        end = city.publicity_end(book.at + 5 * MINUTE)
    except NoCalendar:
        end = None
    if city.state(("methodology", RIDES)) == "published" and city.published[RIDES] == [1] and end is not None:
        validity = {name: source.document.values[name] for name in ("valid_from", "valid_until")}
        terms = book.reviewed(said["methodology_"], 998, **validity)
        book.publicise(terms, 998, publicity_until=rfc3339(max(end, book.at + 3 * DAY)))
        breach("WAIT", "S-998", "publish", "published", "centre:2", second="exchange:1", **terms)
    if book.last["S-1"][1] in {"live", "rectifying"}:
        if book.last["S-1"][1] == "live":
            book.decide("S-1", "end", "ended", "centre:5", **said)
        book.decide("I-998", "propose", "proposed", "centre:4")
        breach("NEEDS", "I-998", "issue", "issued", "centre:5", second="centre:6", **lot(source, said))

    rides = book.case_of[RIDES]
    version = {"code": RIDES, "version": "1", "class_": "II", "kind_": "scenario"}
    if book.last[rides][1] == "published":
        breach("PREVIOUS", rides, "revise", "published", "bureau:5", second="bureau:6", definition="{}", **version)
        book.decide(rides, "withdraw", "withdrawn", "bureau:5", second="bureau:6", **version)
    breach("STATE_OF_CASE", "S-1", "invent", "live", "centre:5", second="centre:6", **said)
    book.last["I-999"] = ("none", "none")
    book.decide("I-999", "propose", "proposed", "centre:4")
    breach("NEEDS", "I-999", "issue", "issued", "centre:5", second="centre:6", **lot(source, said))
    book.sanction(999, until="2199-01-01T00:00:00.000Z")
    book.last["I-997"] = ("none", "none")
    breach("NEEDS", "I-997", "propose", "proposed", "centre:4", opinions=OPINIONS)
    leaf = len(book.entries)
    book.move(Kind.ISSUE, 10**12, 10**12 + 10)
    expected.append((leaf, "LOT"))
    return expected


def lot(source, said):
    return {
        "source": source.movement.evidence.hex(), "methodology": said["methodology_"], "policies": [],
        "first_g": str(10**12), "quantity_g": "10", "accounts": "1", "period_from": "2026-01-19T00:00:00.000Z",
        "period_until": "2026-01-20T00:00:00.000Z", "inputs_sha256": "ab" * 32, "accepted": "1", "refused": [],
    }  # fmt: skip

"""The registry refuses what a witness would, holds what decisions rest on, and rests on nothing that others wrote."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest
import sqlalchemy as sa

from api.installation.officers import BUREAU, CENTRE, OFFICERS
from registry.activities.activities import Activity
from registry.clock import rfc3339
from registry.database.schema import decisions, policies
from registry.decisions.recalled import last_decision
from registry.decisions.recording import By, Officers, Step, prepare, read_officer
from registry.errors import DecisionRefused, Invalid, MethodologyUnsound, SetAside
from registry.issuance.issue import issue
from registry.issuance.report import Report
from registry.ledger.ledger import Amount
from registry.methodologies.deciding import decide_or_move, submit
from registry.methodologies.published import publish_methodology
from registry.methodologies.record import digest, to_document
from registry.methodologies.shelf import find
from registry.points.points import convert
from registry.policies.calendars import missing_calendars
from registry.policies.first import publish_first, shipped_first
from registry.policies.measures import Measure
from registry.policies.policies import in_force, publish_policy, shipped_policy
from registry.procedure.decision import Record
from registry.sources.approval import advance, apply_for, approve, next_step, take
from registry.sources.given import NOTHING, Given
from registry.sources.sources import NewSource, get_source
from registry.upkeep.consistency import check_tables
from tests.support.scheme import DAY, VALID, behaviour_of, found_source, methodology_of

MINUTE = 60_000
DOCUMENTS = sa.text("SELECT public FROM evidence JOIN movements m ON digest = evidence WHERE kind = :kind ORDER BY id")


def count(scheme) -> int:
    with scheme.database.transaction() as tx:
        return tx.execute(sa.select(sa.func.count()).select_from(decisions)).scalar_one()


@contextmanager
def refused(scheme, *words):
    """What is done in here is refused with these words, and leaves nothing."""
    before = count(scheme)
    with pytest.raises(DecisionRefused) as told, scheme.database.transaction() as tx:
        yield tx
    assert [word for word in words if word not in str(told.value)] == []
    assert count(scheme) == before


def next_minute(scheme) -> int:
    return (scheme.clock.now // MINUTE + 2) * MINUTE


def points(years: int) -> dict:
    return {"validity_years": years}


def applied(scheme):
    values = {name: getattr(scheme.source, name) for name in NewSource.__dataclass_fields__}
    with scheme.database.transaction() as tx:
        return apply_for(tx, scheme.ledger, NewSource(**values), CENTRE.proposing)


def decide(tx, scheme, source, decision, given=NOTHING, second=None):
    by = By(CENTRE.actor, second, "late-reports")
    return take(tx, *next_step(tx, scheme.ledger, source.id, decision), by, given)


def report_of(scheme, source):
    reference = f"ride {next(scheme.references)}"
    return Report(source, [Activity(reference, scheme.person(), scheme.clock(), scheme.clock(), 10)])


@pytest.mark.parametrize(
    ("officers", "rule"),
    [
        (replace(BUREAU, second=BUREAU.actor), "SECOND"),
        (replace(BUREAU, second=BUREAU.proposer), "SECOND"),
        (replace(BUREAU, second=CENTRE.second), "SECOND"),
        (replace(BUREAU, proposer=CENTRE.proposer), "ACTOR"),
        (replace(BUREAU, actor=CENTRE.actor), "ACTOR"),
    ],
)
def test_a_policy_is_published_by_two_officers_of_the_bureau(scheme, officers, rule):
    with refused(scheme, f"breaks {rule}") as tx:
        publish_policy(tx, scheme.ledger, "points", points(3), next_minute(scheme), officers)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("points", {"validity_years": 0}, "'points' is refused: points lacks validity_years"),
        ("procedure/source", {"record": "source"}, "lacks states, steps"),
        ("procedure/lot", {}, "names no record that has cases"),
        ("publicity", {"source": 251}, "no number of working days"),
        ("calendar/1999", {}, "of no year from 2000"),
        ("activities", shipped_policy("activities") | {"max_rows": "2000000"}, "whole numbers above zero for max_rows"),
        ("risk/shared-bicycle", [], "is an object"),
        ("behaviours", {"behaviours": {"a": {"issues": True}}}, "says true or false of quantified, issues"),
        ("Points", {}, "There is no policy 'Points'; there are: points, publicity, calendar/"),
    ],
)
def test_a_policy_is_what_its_name_says(scheme, name, value, word):
    with pytest.raises(Invalid, match=re.escape(word)), scheme.database.transaction() as tx:
        publish_policy(tx, scheme.ledger, name, value, next_minute(scheme), BUREAU)


@pytest.mark.parametrize(("later_ms", "word"), [(-3 * MINUTE, "before it was decided"), (1, "no whole minute")])
def test_a_policy_holds_from_a_minute_on_that_is_still_to_come(scheme, later_ms, word):
    with refused(scheme, word) as tx:
        publish_policy(tx, scheme.ledger, "points", points(3), next_minute(scheme) + later_ms, BUREAU)


def test_the_first_policies_are_published_once(scheme):
    before = count(scheme)
    with scheme.database.transaction() as tx:
        assert publish_first(tx, scheme.ledger, BUREAU) == []
        shipped = {name: value for name, value in shipped_first().items() if name != "publicity"}
        assert {name: in_force(tx, scheme.ledger, name, 0).value for name in shipped} == shipped
    assert count(scheme) == before


def test_a_city_goes_over_to_the_measure_of_2025_by_decisions(scheme):
    trial, second = shipped_first(), shipped_first(Measure.SECOND)
    differing = [name for name in second if trial.get(name) != second[name]]
    assert differing == ["points", "channels", "behaviours"]
    assert all("unknown" in second[name] and second[name]["status"] == "illustrative" for name in differing)
    soon = next_minute(scheme)
    with scheme.database.transaction() as tx:
        for name in differing:
            publish_policy(tx, scheme.ledger, name, second[name], soon, BUREAU)
        assert [in_force(tx, scheme.ledger, name, soon).value for name in differing] == [second[n] for n in differing]
        assert in_force(tx, scheme.ledger, "points", soon - 1).value == trial["points"]


def test_a_calendar_that_misses_is_told_before_publicity_needs_it(scheme):
    def reminded(day):
        with scheme.database.transaction() as tx:
            return [(one.about, rfc3339(one.due)) for one in missing_calendars(tx, at_noon(day))]

    def at_noon(day):
        return int(datetime.fromisoformat(f"{day}T12:00:00+08:00").timestamp()) * 1000

    of_2027 = [("calendar/2027", "2026-12-31T16:00:00.000Z")]
    assert [reminded(day) for day in ("2026-03-01", "2026-11-01", "2026-11-28")] == [[], [], of_2027]
    value = {"holidays": [], "workdays": []}
    with scheme.database.transaction() as tx:
        publish_policy(tx, scheme.ledger, "calendar/2027", value, next_minute(scheme), BUREAU)
    assert reminded("2026-11-28") == reminded("2027-10-31") == []
    assert reminded("2028-01-01") == [("calendar/2028", "2027-12-31T16:00:00.000Z")], "the year that it is, too"


def test_a_source_that_is_not_live_issues_nothing(scheme):
    source = applied(scheme)
    report = report_of(scheme, source)
    states = []
    while states[-1:] != ["live"]:
        with refused(scheme, "breaks NEEDS", "not at live") as tx:
            issue(tx, scheme.ledger, report, CENTRE)
        with scheme.database.transaction() as tx:
            states.append(advance(tx, scheme.ledger, source.id, OFFICERS))
    assert states == ["accepted", "reviewed", "publicity", "published", "connected", "live"]
    of_2025(scheme)
    with scheme.database.transaction() as tx:
        lot = issue(tx, scheme.ledger, report, CENTRE)
        assert lot.last - lot.first == 10
        assert decide(tx, scheme, source, "find") == "rectifying"
    with refused(scheme, "breaks NEEDS", "stands at rectifying") as tx:
        issue(tx, scheme.ledger, report_of(scheme, source), CENTRE)


def of_2025(scheme):
    """The scheme's clock stands in 2025, of which no calendar ships."""
    with scheme.database.transaction() as tx:
        publish_policy(tx, scheme.ledger, "calendar/2025", {"holidays": [], "workdays": []}, 0, BUREAU)


def test_what_is_not_mended_in_time_stops_issuing_by_itself(scheme):
    of_2025(scheme)
    source = approved(scheme)
    with scheme.database.transaction() as tx:
        assert decide(tx, scheme, source, "warn", Given(mend_days=6)) == "live"
        until = last_of(tx, scheme, source).mending.until
    report = report_of(scheme, source)
    scheme.clock.now = until - 10
    with scheme.database.transaction() as tx:
        issue(tx, scheme.ledger, report_of(scheme, source), CENTRE)
    scheme.clock.now = until
    with refused(scheme, "breaks NEEDS", "is suspended", rfc3339(until)) as tx:
        issue(tx, scheme.ledger, report, CENTRE)
    with scheme.database.transaction() as tx:
        decide(tx, scheme, source, "mend", second=CENTRE.second)
        assert issue(tx, scheme.ledger, report, CENTRE)
        decide(tx, scheme, source, "find")
        until = last_of(tx, scheme, source).mending.until
    scheme.clock.now = until
    with refused(scheme, "breaks WAIT", "was to be mended by") as tx:
        decide(tx, scheme, source, "clear", second=CENTRE.second)
    with scheme.database.transaction() as tx:
        assert decide(tx, scheme, source, "exclude", second=CENTRE.second) == "excluded"


def test_an_approval_is_renewed_in_its_last_three_months_alone(scheme):
    source = approved(scheme)
    ends = source.valid_until_ms
    longer = Given(valid_until_ms=ends + 365 * DAY)
    for at in (ends - 93 * DAY, ends):
        scheme.clock.now = at
        with refused(scheme, "breaks WAIT", "is renewed from") as tx:
            decide(tx, scheme, source, "renew", longer, CENTRE.second)
    scheme.clock.now = ends - 80 * DAY
    with refused(scheme, "would not end later") as tx:
        decide(tx, scheme, source, "renew", Given(valid_until_ms=ends), CENTRE.second)
    with scheme.database.transaction() as tx:
        decide(tx, scheme, source, "renew", longer, CENTRE.second)
        assert get_source(tx, source.id).valid_until_ms == ends + 365 * DAY
        assert last_of(tx, scheme, source).content.valid_until == ends + 365 * DAY


def approved(scheme):
    with scheme.database.transaction() as tx:
        values = {name: getattr(scheme.source, name) for name in NewSource.__dataclass_fields__}
        return approve(tx, scheme.ledger, NewSource(**values), OFFICERS)


def last_of(tx, scheme, source):
    return last_decision(tx, scheme.ledger.vault.sealer, f"S-{source.id}")


def test_publicity_lasts_as_the_policy_says_when_it_opens(scheme):
    source = applied(scheme)
    with scheme.database.transaction() as tx:
        publish_policy(tx, scheme.ledger, "publicity", {"source": 2}, next_minute(scheme), BUREAU)
        publish_policy(tx, scheme.ledger, "calendar/2025", {"holidays": ["2025-10-13"], "workdays": []}, 0, BUREAU)
    scheme.clock.now += 3 * MINUTE
    for _ in range(3):
        with scheme.database.transaction() as tx:
            advance(tx, scheme.ledger, source.id, OFFICERS)
    # Opened on Thursday, 9 October: Friday works, Monday is a holiday, so it ends with Tuesday.
    with refused(scheme, "breaks WAIT", "publicity lasts to 2025-10-14T16:00:00.000Z") as tx:
        advance(tx, scheme.ledger, source.id, OFFICERS)
    scheme.clock.now = 1_760_457_600_000 - 2
    with refused(scheme, "breaks WAIT") as tx:
        advance(tx, scheme.ledger, source.id, OFFICERS)
    with scheme.database.transaction() as tx:
        assert advance(tx, scheme.ledger, source.id, OFFICERS) == "published"


def test_a_step_that_the_life_cycle_has_not_is_refused(scheme):
    with refused(scheme, "has no publish from live") as tx:
        decide(tx, scheme, scheme.source, "publish")


def test_one_project_issues_once_for_one_day(scheme):
    project, rider = scheme.source_of(is_project=True), scheme.person()

    def of(day, moment):
        start = scheme.source.valid_from_ms + day * DAY + moment
        return Report(project, [Activity(f"{day} {moment}", rider, start, start + 1, 10)])

    with scheme.database.transaction() as tx:
        issue(tx, scheme.ledger, of(7, 0), CENTRE)
    with refused(scheme, "breaks LOT", "has a lot for") as tx:
        issue(tx, scheme.ledger, of(7, 5), CENTRE)
    with scheme.database.transaction() as tx:
        issue(tx, scheme.ledger, of(9, 0), CENTRE)


def test_two_at_once_for_one_project_and_day_issue_once(scheme):
    """Whoever comes second knows what came first, though it was not committed when he proposed."""
    project = scheme.source_of(is_project=True)

    def act():
        with scheme.database.transaction() as tx:
            return issue(tx, scheme.ledger, report_of(scheme, project), CENTRE)

    with ThreadPoolExecutor(1) as pool:
        with scheme.database.transaction() as tx:
            issue(tx, scheme.ledger, report_of(scheme, project), CENTRE)
            running = pool.submit(act)
            waits(scheme)
        with pytest.raises(DecisionRefused, match="breaks LOT"):
            running.result()


def test_a_behaviour_issues_nothing_unless_the_policy_in_force_lets_it(scheme):
    behaviour = behaviour_of()
    with scheme.database.transaction() as tx:
        source = found_source(tx, scheme.ledger, behaviour, VALID, "Behaviour")
    said = dict.fromkeys(("quantified", "issues", "converts", "tradable"), False)

    def let(at, **on):
        value = {"behaviours": {behaviour.key: said | on}}
        with scheme.database.transaction() as tx:
            return publish_policy(tx, scheme.ledger, "behaviours", value, at, BUREAU)

    def is_refused():
        with refused(scheme, "breaks POLICY", f"lets the behaviour {behaviour.key} issue") as tx:
            issue(tx, scheme.ledger, report_of(scheme, source), CENTRE)

    is_refused()
    let(0, quantified=True)
    is_refused()
    letting = let(next_minute(scheme), **dict.fromkeys(said, True))
    is_refused()
    scheme.clock.now += 3 * MINUTE
    with scheme.database.transaction() as tx:
        issue(tx, scheme.ledger, report_of(scheme, source), CENTRE)
        document = json.loads(tx.execute(DOCUMENTS, {"kind": 69}).scalars().all()[-1])
    assert document["policies"][1] == [letting.decision.hex()], "what lets it issue is named with the rest"


def test_a_version_is_published_once(scheme):
    """The database refused it too, with an error that nobody had a sentence for."""
    with refused(scheme, "breaks PREVIOUS", "version 1 of", "is published") as tx:
        publish_methodology(tx, scheme.ledger, replace(methodology_of(), published="2026-11"), CENTRE, BUREAU)


def test_a_second_version_of_a_methodology_is_a_revision(scheme):
    with scheme.database.transaction() as tx:
        publish_methodology(tx, scheme.ledger, replace(methodology_of(), version=2), CENTRE, BUREAU)
        said = tx.execute(DOCUMENTS, {"kind": 65}).scalars().all()
    steps = [json.loads(public)["decision"][1] for public in said]
    assert steps == ["submit", "evaluate", "publish", "revise"]


def test_what_is_decided_of_is_the_text_that_was_submitted(scheme, owner):
    bus = find("bus")
    with scheme.database.transaction() as tx:
        case, _ = submit(tx, scheme.ledger, bus, CENTRE.proposing)
    other = replace(bus, published="2026-11")
    with owner.transaction() as tx:
        changed = {"record": json.dumps(to_document(other)), "digest": digest(other)}
        tx.execute(sa.text("UPDATE methodology_texts SET record = :record, digest = :digest"), changed)
    with pytest.raises(DecisionRefused, match="not the one"), scheme.database.transaction() as tx:
        decide_or_move(tx, scheme.ledger, case, "evaluate", lambda _: CENTRE.actor, None)


def test_nothing_is_published_whose_example_does_not_come_out(scheme):
    methodology = methodology_of()
    (first, *rest) = methodology.computation.examples
    wrong = replace(methodology.computation, examples=(replace(first, grams=("194",)), *rest))
    revised = replace(methodology, version=2, computation=wrong)
    said = "says 194 g, and exact fractions computes 193"
    with pytest.raises(MethodologyUnsound, match=said) as refused, scheme.database.transaction() as tx:
        publish_methodology(tx, scheme.ledger, revised, CENTRE, BUREAU)
    engines = [finding.en.split("and ")[1].split(" computes")[0] for finding in refused.value.findings]
    assert engines == ["exact fractions", "duckdb", "postgres"]
    with scheme.database.transaction() as tx:
        assert tx.execute(sa.text("SELECT max(version) FROM methodologies")).scalar_one() == 1


def waits(scheme) -> None:
    query = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while True:
        with scheme.database.transaction() as tx:
            if tx.execute(query).scalar_one():
                return


def test_whoever_converts_waits_for_a_policy_and_goes_by_it(scheme):
    """It came into force between the act's begin and the commit of who published it."""
    rider = scheme.person()
    scheme.issue({rider: 10})
    soon = next_minute(scheme)

    def act():
        with scheme.database.transaction() as tx:
            return convert(tx, scheme.ledger, rider, Amount(10))

    with ThreadPoolExecutor(1) as pool:
        with scheme.database.transaction() as tx:
            publish_policy(tx, scheme.ledger, "points", points(1), soon, BUREAU)
            scheme.clock.now = soon
            running = pool.submit(act)
            waits(scheme)
        movement = running.result().movements[0].movement
    assert movement.until < movement.at + 367 * DAY


def test_a_policy_waits_for_whoever_converts_and_is_not_in_force_before(scheme):
    rider = scheme.person()
    scheme.issue({rider: 10})
    soon = next_minute(scheme)

    def act():
        with scheme.database.transaction() as tx:
            return publish_policy(tx, scheme.ledger, "points", points(1), soon, BUREAU)

    with ThreadPoolExecutor(1) as pool:
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, rider, Amount(10))
            running = pool.submit(act)
            waits(scheme)
            scheme.clock.now = soon
        with pytest.raises(DecisionRefused, match="in force before it was decided"):
            running.result()


def test_a_policy_does_not_hold_from_before_what_was_converted_by_a_clock_that_was_ahead(scheme):
    """The log has records before movements: it would have refused the conversion, which was lawful when it was made."""
    rider = scheme.person()
    scheme.issue({rider: 20})
    now, scheme.clock.now = scheme.clock.now, scheme.clock.now + 2 * DAY
    with scheme.database.transaction() as tx:
        at = convert(tx, scheme.ledger, rider, Amount(10)).movements[0].movement.at
    scheme.clock.now = now
    with refused(scheme, "converted at a time from which") as tx:
        publish_policy(tx, scheme.ledger, "points", points(1), at, BUREAU)
    with scheme.database.transaction() as tx:
        publish_policy(tx, scheme.ledger, "points", points(1), at + MINUTE, BUREAU)


def test_two_decisions_of_a_case_at_once_are_one_chain(scheme):
    source = applied(scheme)

    def act(decision):
        with scheme.database.transaction() as tx:
            return decide(tx, scheme, source, decision)

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(act, decision) for decision in ("accept", "refuse")]
        states = {one.result() for one in done if one.exception() is None}
    # Whoever came first was accepted or refused; a refusal may follow an acceptance.
    assert states in ({"accepted", "refused"}, {"refused"})


def test_nothing_rests_on_a_decision_that_somebody_else_wrote(scheme, owner):
    """An insider makes a source live by a row of his own; it waits for the log, which will not have it."""
    source = applied(scheme)
    with owner.transaction() as tx:
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        number = tx.execute(sa.text("""
            INSERT INTO movements (id, act_id, kind, form, flags, purpose, first_g, last_g, at_ms, until_ms, from_tag,
                to_tag, evidence)
            OVERRIDING SYSTEM VALUE SELECT 10 * max(id), max(act_id), 66, 0, 0, 0, 0, 0, max(at_ms), 0,
                decode(repeat('00', 20), 'hex'), decode(repeat('00', 20), 'hex'),
                (SELECT evidence FROM movements WHERE kind = 66 ORDER BY id DESC LIMIT 1 OFFSET 1)
            FROM movements RETURNING id
        """)).scalar_one()  # fmt: skip
        tx.execute(sa.insert(decisions), {"movement_id": number, "case_number": f"S-{source.id}"})
    with pytest.raises(SetAside, match="not as this program wrote it"), scheme.database.transaction() as tx:
        issue(tx, scheme.ledger, report_of(scheme, source), CENTRE)
    with owner.transaction() as tx:
        assert f"movement {number}" in [finding.place for finding in check_tables(tx)]


@pytest.mark.parametrize("decision", ["nobody's", "of the value before"])
def test_no_act_rests_on_a_policy_that_was_not_decided(scheme, decision):
    """An insider lets points last longer: what is converted so no witness would cosign, nor anything after it."""
    rider = scheme.person()
    scheme.issue({rider: 10})
    with scheme.database.transaction() as tx:
        true = tx.execute(sa.select(policies).where(policies.c.name == "points")).one()
        named = true.decision if decision == "of the value before" else b"d" * 32
        values = {"name": "points", "in_force_ms": 60_000, "value": points(9), "digest": b"v" * 32, "decision": named}
        tx.execute(sa.insert(policies).values(values))
    with pytest.raises(SetAside, match="'points'"), scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, rider, Amount(10))


@pytest.mark.usefixtures("scheme")
@pytest.mark.parametrize("of", ["decisions", "policies", "cases"])
def test_what_is_not_as_the_documents_say_is_named(owner, of):
    statements = {
        "decisions": "DELETE FROM decisions WHERE movement_id = (SELECT max(movement_id) FROM decisions)",
        "cases": "UPDATE case_standing SET state = 'refused' WHERE case_number = 'S-1'",
        "policies": "UPDATE policies SET value = '{\"validity_years\": 9}' WHERE name = 'points'",
    }
    with owner.transaction() as tx:
        assert list(check_tables(tx)) == []
        tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        tx.execute(sa.text(statements[of].replace(":", "\\:")))
        places = [finding.place for finding in check_tables(tx)]
    expected = {"policies": ["policy points, in force from 0"], "cases": ["case S-1"]}
    assert places == expected.get(of, [places[0], "case S-1"])


@pytest.mark.parametrize("text", ["", "bureau", "bureau:0", "Bureau:1", "bureau:01", "a person:7"])
def test_an_officer_is_an_authority_and_a_number(text):
    with pytest.raises(Invalid, match="is no authority with an officer's number"):
        read_officer(text)
    assert Officers(read_officer("bureau:1"), *[read_officer("bureau:2")] * 2).proposing == By(read_officer("bureau:1"))


def test_a_decision_says_no_more_than_its_record_may(scheme):
    """A field of the table that has no place in the decision is refused like any other fault."""
    with refused(scheme, "breaks DOCUMENT", "'lot' has no place") as tx:
        pending = prepare(tx, scheme.ledger, Record.CORRECTION, "C-1")
        pending.take(tx, Step("propose", "proposed", CENTRE.proposing, shown={"lot": "x"}))

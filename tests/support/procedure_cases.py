"""Logs of decisions, lawful ones and broken ones for each rule, with the faults and findings that the design names.

What is expected is written here by hand, from docs/design.md, section 11; no replay was asked.
"""

import copy
from dataclasses import dataclass, field
from hashlib import sha256

from registry.clock import rfc3339
from registry.ledger.movement import Flag, Kind
from registry.procedure.decision import Record
from registry.procedure.table import shipped_value
from tests.support.decisions import (
    HEX,
    Book,
    canonical,
    moment,
    programme,
    sealed,
    to_issued,
    to_live,
    to_publicity,
)

CONVERTED = Flag.SCENARIO | Flag.INDIVIDUAL | Flag.CONVERTED
INDIVIDUAL = Flag.SCENARIO | Flag.INDIVIDUAL
FAR = "2026-03-02 09:00"


@dataclass
class Case:
    """A log, and what it has: (index, rule) of each faulty leaf, (index, name) of each finding."""

    name: str
    book: Book
    faults: list = field(default_factory=list)
    findings: list = field(default_factory=list)
    origins: list = field(default_factory=list)
    """[first, end, [[first, end]...]] of grams that came through bundles."""
    watch: tuple | None = None


MAKERS = []


def case(*faults, findings=(), origins=(), watch=None):
    """Register the maker of a log. `faults` are rules of the leaves from the end: of the last one the last."""

    def register(make):
        def made():
            book = make()
            size = len(book.entries)
            named = [(size - len(faults) + at, rule) for at, rule in enumerate(faults) if rule]
            found = [(size + back, name) for back, name in findings]
            return Case(make.__name__.replace("_", " "), book, named, found, list(origins), watch)

        MAKERS.append(made)
        return make

    return register


def origins_of(listed):
    """Follow the listed grams back; those of no bundle are as they were issued."""
    known = {(first, end): [tuple(span) for span in spans] for first, end, spans in listed}
    return lambda first, end: known.get((first, end), [(first, end)])


def cases():
    return [make() for make in MAKERS]


# What is lawful.


@case()
def an_empty_log():
    return Book()


@case()
def the_rules_of_a_programme():
    return programme()


@case()
def a_scenario_that_issues_and_a_conversion():
    return to_issued()


@case()
def a_project_of_class_one():
    book = to_live("project", {"class_": "I"})
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    book.move(Kind.ISSUE, 0, 1000, Flag.CLASS_I)
    return book


@case()
def a_behaviour_scenario():
    book = to_live("behaviour")
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    book.move(Kind.ISSUE, 0, 1000)
    return book


@case()
def two_lots_of_a_scenario_for_one_time_open_at_once():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.issuance(2, book.live, book.methodology_digest, first=1000)
    for first in (1500, 400, 1000, 0):
        book.move(Kind.ISSUE, first, first + (400 if first == 0 else 600 if first == 400 else 500))
    return book


@case()
def grams_between_lots_that_were_never_issued():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, first=5000, accounts=1)
    book.move(Kind.ISSUE, 5000, 6000)
    book.issuance(2, book.live, book.methodology_digest, first=100, quantity=1, accounts=1)
    book.move(Kind.ISSUE, 100, 101)
    return book


@case()
def an_application_that_was_refused():
    book = to_publicity()
    book.source("S-1", "refuse", "refused", book.terms, reason="double_claim")
    return book


@case()
def an_objection_that_was_answered():
    book = to_publicity()
    book.publicise(book.terms)
    book.source("S-1", "object", "objected", book.terms)
    book.source("S-1", "object", "objected", book.terms)
    book.wait("2026-01-16 00:00").source("S-1", "answer", "publicity", book.terms)
    book.publish_source(book.terms)
    return book


@case()
def publicity_that_may_end_when_it_began():
    book = programme(publicity={"source": 0})
    terms = book.reviewed(book.methodology())
    opens = book.at + 60_000
    book.publicise(terms, publicity_from=rfc3339(opens), publicity_until=rfc3339(opens + 1))
    book.publish_source(terms)
    return book


@case()
def publicity_that_is_over_to_the_millisecond():
    book = to_publicity()
    book.publicise(book.terms)
    book.at = moment("2026-01-16 00:00") - 60_000
    book.publish_source(book.terms)
    return book


@case()
def a_source_that_was_renewed_rectified_and_excluded():
    book = to_live()
    book.source("S-1", "renew", "live", book.terms, second="centre:9", valid_until="2030-01-01T00:00:00.000Z")
    book.source("S-1", "find", "rectifying", book.terms, "exchange:3")
    book.source("S-1", "clear", "live", book.terms, second="exchange:1")
    book.source("S-1", "exclude", "excluded", book.terms, second="exchange:1", reason="false_data")
    return book


@case()
def a_policy_that_was_replaced():
    book = to_issued()
    book.policy(book.numbers["points"], "points", {"validity_years": 3}, in_force="2026-02-03 00:00")
    book.move(Kind.CONVERT, 400, 500, CONVERTED, until=moment("2028-02-03 00:00") - 1)
    book.wait("2026-02-02 23:59")
    book.move(Kind.CONVERT, 500, 600, CONVERTED, until=moment("2029-02-04 00:00") - 1)
    return book


@case()
def a_policy_that_was_withdrawn_and_proposed_again():
    book = programme()
    terms = {"name": "rides", "value": "{}", "in_force": "2026-01-06T00:00:00.000Z"}
    book.decide("P-90", "propose", "proposed", "bureau:1", **terms)
    book.decide("P-90", "withdraw", "withdrawn", "bureau:1", **terms)
    book.policy(90, "rides", {"a": 1})
    return book


@case()
def a_version_that_a_source_names_after_a_revision():
    book = to_live()
    terms = {"code": "SHCER02020032021II", "version": "2", "class_": "I", "kind_": "scenario", "definition": "{}"}
    book.decide("M-1", "revise", "published", "bureau:1", second="bureau:2", **terms)
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    book.move(Kind.ISSUE, 0, 1000)
    return book


@case()
def records_that_have_no_case():
    book = Book()
    book.put(Kind.STATE, sealed({"record": "state", "size": "0"}))
    book.put(Kind.MOVE, sealed({"record": "move", "number": "0"}))
    return book


@case()
def movements_on_which_nothing_is_decided():
    book = to_issued()
    for kind in (Kind.TRANSFER, Kind.REDEEM, Kind.CANCEL, Kind.LOCK):
        book.move(kind, 5_000_000, 5_000_001)
    return book


@case()
def a_life_cycle_that_was_replaced():
    table = copy.deepcopy(shipped_value(Record.ISSUANCE))
    table["steps"][0] |= {"to": "issued", "second": ["bureau"]}
    del table["states"]["proposed"], table["states"]["refused"], table["steps"][1:]
    book = to_live()
    book.policy(book.numbers["procedure/issuance"], "procedure/issuance", table, in_force="2026-02-03 00:00")
    book.wait("2026-02-03 00:00")
    lot = lot_of(book) | {"second": "bureau:1"}
    book.decide("I-1", "propose", "issued", **lot)
    return book


@case()
def a_policy_of_policies():
    table = copy.deepcopy(shipped_value(Record.POLICY))
    table["steps"][0]["by"] = ["centre"]
    book = Book()
    book.policy(1, "procedure/policy", table)
    book.decide("P-2", "propose", "proposed", "centre:1", name="rides", value="1", in_force="2026-01-06T00:00:00.000Z")
    return book


@case()
def grams_that_were_corrected():
    book = to_issued()
    book.correct(1, book.lot, ["0 100", "400 500"], 150, 50)
    book.correct(2, book.lot, ["100 200"], 0, 100)
    book.move(Kind.VOID, 0, 100)
    book.move(Kind.VOID, 450, 500)
    return book


@case(origins=[(9000, 9150, [[350, 400], [400, 500]])])
def grams_that_were_corrected_in_a_bundle():
    book = to_issued()
    book.correct(1, book.lot, ["300 400"], 50, 50)
    book.correct(2, book.lot, ["400 600"], 200)
    book.move(Kind.VOID, 9000, 9150)
    book.move(Kind.VOID, 500, 600)
    return book


def lot_of(book, **said):
    """What an issuance of the live source says."""
    day = moment("2026-01-19 00:00")
    return {
        "source": book.live, "methodology": book.methodology_digest, "policies": [], "first_g": "0",
        "quantity_g": "1000", "accounts": "2",
        "period_from": rfc3339(day), "period_until": rfc3339(day + 86_400_000), "inputs_sha256": HEX,
        "accepted": "2", "refused": [],
    } | said  # fmt: skip


# DOCUMENT


@case("DOCUMENT")
def a_record_without_its_document():
    book = programme()
    book.methodology()
    book.strip()
    return book


@case("DOCUMENT")
def a_document_of_another_leaf():
    book = programme()
    book.decide("I-1", "propose", "proposed")
    book.altered(evidence=sha256(b"another").digest())
    return book


@case("DOCUMENT")
def a_statement_without_its_document():
    book = Book()
    book.put(Kind.STATE, sealed({"record": "state", "size": "0"}))
    book.strip()
    return book


@case("DOCUMENT", "DOCUMENT", "DOCUMENT", "DOCUMENT")
def kinds_of_records_that_are_not_listed():
    book = programme()
    for kind in (Kind.PUBLICITY, Kind.OBJECTION, Kind.DUPLICATE, 75):
        book.decide("I-1", "propose", "proposed", leaf_kind=kind)
    return book


@case("DOCUMENT")
def a_field_that_is_withheld():
    book = programme()
    book.decide("I-1", "propose", "proposed", withhold=["actor"])
    return book


@case("DOCUMENT")
def a_time_that_is_not_the_leaf_s():
    book = programme()
    book.decide("I-1", "propose", "proposed", at="2026-01-05T00:00:00.000Z")
    return book


@case("DOCUMENT")
def a_value_that_is_a_number():
    book = programme()
    book.decide("I-1", "propose", "proposed", remark=1)
    return book


@case("DOCUMENT")
def a_case_of_another_kind():
    book = programme()
    book.decide("I-1", "propose", "proposed", case_="S-1")
    return book


@case("DOCUMENT")
def a_lot_that_is_said_before_it_is_issued():
    book = to_live()
    book.decide("I-1", "propose", "proposed", **lot_of(book))
    return book


@case("DOCUMENT")
def an_issuance_that_says_no_lot():
    book = to_live()
    book.decide("I-1", "propose", "proposed")
    book.decide("I-1", "issue", "issued", "centre:2", second="centre:3")
    return book


# PREVIOUS


@case("PREVIOUS")
def a_fork():
    book = to_live()
    fork = book.last["S-1"]
    book.source("S-1", "find", "rectifying", book.terms)
    book.last["S-1"] = fork
    book.source("S-1", "exclude", "excluded", book.terms, second="exchange:1")
    return book


@case("PREVIOUS")
def a_decision_that_was_dropped():
    book = programme()
    book.methodology()
    book.last["M-1"] = (HEX, "published")
    terms = {"code": "a", "version": "2", "class_": "II", "kind_": "scenario", "definition": "{}"}
    book.decide("M-1", "revise", "published", "bureau:1", second="bureau:2", **terms)
    return book


@case("PREVIOUS")
def a_case_that_begins_twice():
    book = programme()
    book.decide("I-1", "propose", "proposed")
    del book.last["I-1"]
    book.decide("I-1", "propose", "proposed")
    return book


@case("PREVIOUS")
def a_first_decision_with_one_before_it():
    book = programme()
    book.decide("I-1", "propose", "proposed", previous=HEX)
    return book


@case("PREVIOUS")
def a_decision_that_is_earlier_than_the_one_before():
    book = programme()
    book.decide("I-1", "propose", "proposed")
    book.at -= 120_000
    book.decide("I-1", "refuse", "refused")
    return book


# STATE_OF_CASE


@case("STATE_OF_CASE")
def a_state_that_the_case_is_not_at():
    book = programme()
    book.decide("M-1", "submit", "submitted", code="a", version="1", class_="II", kind_="scenario")
    book.decide("M-1", "publish", "published", "bureau:1", from_="evaluated", second="bureau:2",
                code="a", version="1", class_="II", kind_="scenario", definition="{}")  # fmt: skip
    return book


@case("STATE_OF_CASE")
def a_step_that_skips_publicity():
    book = to_publicity()
    book.publish_source(book.terms)
    return book


@case("STATE_OF_CASE")
def a_step_to_a_state_of_another():
    book = to_publicity()
    book.publicise(book.terms, to_="published")
    return book


@case("STATE_OF_CASE")
def a_project_s_step_for_a_scenario():
    book = to_publicity()
    book.publicise(book.terms)
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    book.source("S-1", "start", "live", book.terms, second="centre:5")
    return book


@case("STATE_OF_CASE")
def a_life_cycle_that_is_not_published():
    book = programme(issuance=None)
    book.decide("I-1", "propose", "proposed")
    return book


@case("STATE_OF_CASE")
def a_life_cycle_that_is_not_in_force_yet():
    book = programme(issuance=None)
    book.policy(9, "procedure/issuance", shipped_value(Record.ISSUANCE), in_force="2026-01-06 00:00")
    book.decide("I-1", "propose", "proposed")
    return book


@case("STATE_OF_CASE")
def a_case_that_is_over():
    book = programme()
    book.decide("I-1", "propose", "proposed")
    book.decide("I-1", "refuse", "refused")
    book.decide("I-1", "issue", "proposed")
    return book


# ACTOR, SECOND


@case("ACTOR")
def an_authority_that_may_not():
    book = programme()
    book.decide("I-1", "propose", "proposed", "exchange:1")
    return book


@case("SECOND")
def nobody_who_approved():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, second=None)
    return book


@case("SECOND")
def an_officer_who_approved_what_he_decided():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, second="centre:2")
    return book


@case("SECOND")
def an_officer_who_approved_what_he_proposed():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, second="centre:1")
    return book


@case("SECOND")
def an_approval_by_another_authority():
    book = to_publicity()
    book.publicise(book.terms)
    book.wait("2026-01-16 09:00").publish_source(book.terms, second="centre:9")
    return book


@case("SECOND")
def an_approval_that_nobody_asked_for_by_the_one_who_decided():
    book = programme()
    book.decide("I-1", "propose", "proposed", "centre:1", second="centre:1")
    return book


# WAIT


@case("WAIT")
def publicity_that_is_not_over():
    book = to_publicity()
    book.publicise(book.terms)
    book.at = moment("2026-01-16 00:00") - 60_001
    book.publish_source(book.terms)
    return book


@case("WAIT")
def publicity_that_is_too_short():
    book = to_publicity()
    book.publicise(book.terms, until="2026-01-15 00:00")
    return book


@case("WAIT")
def longer_publicity_that_is_not_over():
    book = to_publicity()
    book.publicise(book.terms, until="2026-01-20 00:00")
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    return book


@case("WAIT")
def a_shorter_publicity_after_a_longer_one():
    table = copy.deepcopy(shipped_value(Record.SOURCE))
    table["steps"][4]["from"] = ["reviewed", "publicity"]
    book = programme(source=table)
    book.terms = book.reviewed(book.methodology())
    book.wait("2026-01-08 10:00").publicise(book.terms, until="2026-01-20 00:00")
    book.publicise(book.terms)
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    return book


@case("WAIT")
def publicity_that_began_before_it_was_decided():
    book = to_publicity()
    book.publicise(book.terms, publicity_from=rfc3339(book.at + 59_999))
    return book


@case("WAIT")
def an_opening_that_says_not_how_long():
    book = to_publicity()
    book.publicise(book.terms, publicity_from=None, publicity_until=None)
    return book


@case("WAIT")
def publicity_in_a_decision_that_opens_none():
    book = programme()
    book.decide("I-1", "propose", "proposed", publicity_from=rfc3339(book.at + 60_000),
                publicity_until="2027-01-01T00:00:00.000Z")  # fmt: skip
    return book


@case("WAIT")
def publicity_of_which_no_policy_says_how_long():
    book = programme(publicity={"correction": 5})
    methodology = book.methodology()
    book.terms = book.reviewed(methodology)
    book.wait("2026-01-08 10:00").publicise(book.terms)
    return book


@case("WAIT")
def a_year_without_a_calendar():
    book = to_publicity()
    book.wait("2026-12-28 09:00").publicise(book.terms, until="2028-01-01 00:00")
    return book


@case("WAIT")
def publicity_over_a_holiday():
    book = to_publicity()
    book.wait("2026-02-12 09:00").publicise(book.terms, until="2026-02-20 00:00")
    return book


@case()
def publicity_by_the_policies_in_force_when_it_opened():
    book = to_publicity()
    book.publicise(book.terms)
    book.policy(book.numbers["publicity"], "publicity", {"source": 20}, in_force="2026-01-09 00:00")
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    return book


def slow_corrections():
    """A programme in which a correction waits three working days after it was proposed."""
    table = copy.deepcopy(shipped_value(Record.CORRECTION))
    table["steps"][2]["after_working_days"] = 3
    book = programme(correction=table)
    book.decide("C-1", "propose", "proposed")
    return book


@case("WAIT")
def a_waiting_time_that_is_not_over():
    book = slow_corrections()
    book.at = moment("2026-01-09 00:00") - 60_001
    book.decide("C-1", "dismiss", "dismissed")
    return book


@case()
def a_waiting_time_that_is_over():
    book = slow_corrections()
    book.at = moment("2026-01-09 00:00") - 60_000
    book.decide("C-1", "dismiss", "dismissed")
    return book


# NEEDS


@case("NEEDS")
def a_methodology_that_nobody_published():
    book = programme()
    book.source(
        "S-1",
        "apply",
        "applied",
        {"kind_": "scenario", "methodology": HEX, "valid_from": "none", "valid_until": "none"},
    )
    return book


@case("NEEDS")
def a_decision_that_published_nothing():
    book = programme()
    book.methodology()
    evaluated = book.entries[-2].movement.evidence.hex()
    terms = {"kind_": "scenario", "methodology": evaluated, "valid_from": "none", "valid_until": "none"}
    book.source("S-1", "apply", "applied", terms)
    return book


@case("NEEDS")
def a_methodology_that_is_not_named():
    book = programme()
    terms = {"kind_": "scenario", "methodology": "none", "valid_from": "none", "valid_until": "none"}
    book.source("S-1", "apply", "applied", terms)
    book.source("S-1", "accept", "accepted", terms)
    return book


@case("NEEDS")
def a_methodology_for_another_kind():
    book = programme()
    terms = {"kind_": "project", "methodology": book.methodology(), "valid_from": "none", "valid_until": "none"}
    book.source("S-1", "apply", "applied", terms)
    return book


def withdraw_methodology(book):
    terms = {"code": "SHCER02020032021II", "version": "1", "class_": "II", "kind_": "scenario"}
    book.decide("M-1", "withdraw", "withdrawn", "bureau:1", second="bureau:2", **terms)


@case("NEEDS")
def a_source_published_under_a_methodology_that_was_withdrawn():
    book = to_publicity()
    book.publicise(book.terms)
    withdraw_methodology(book)
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    return book


@case("NEEDS")
def an_issuance_under_a_methodology_that_was_withdrawn():
    book = to_live()
    withdraw_methodology(book)
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_of_a_source_that_is_not_live():
    book = to_live()
    book.live = book.source("S-1", "find", "rectifying", book.terms)
    book.issuance(1, book.live, book.methodology_digest)
    return book


def without_needs():
    """A life cycle of issuances that asks nothing of sources and methodologies by itself."""
    table = copy.deepcopy(shipped_value(Record.ISSUANCE))
    del table["steps"][1]["needs"]
    return {"issuance": table}


@case("NEEDS")
def an_issuance_of_a_source_that_is_not_live_whatever_the_life_cycle_says():
    book = to_live(tables=without_needs())
    book.live = book.source("S-1", "find", "rectifying", book.terms)
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_under_a_withdrawn_methodology_whatever_the_life_cycle_says():
    book = to_live(tables=without_needs())
    withdraw_methodology(book)
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_by_an_earlier_decision_of_its_source():
    book = to_live()
    book.source("S-1", "renew", "live", book.terms, second="centre:9")
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_by_a_decision_of_no_source():
    book = to_live()
    book.issuance(1, book.methodology_digest, book.methodology_digest)
    return book


@case("NEEDS")
def an_issuance_under_a_methodology_that_its_source_does_not_name():
    book = to_live()
    other = book.methodology(2)
    book.issuance(1, book.live, other)
    return book


@case("NEEDS")
def a_correction_of_no_lot():
    book = to_issued()
    book.correct(1, book.live, ["0 100"], 100)
    return book


# POLICY


@case("POLICY")
def a_case_that_goes_over_to_another_policy():
    book = programme()
    book.decide("P-90", "propose", "proposed", "bureau:1", name="rides", value="1", in_force="2026-01-06T00:00:00.000Z")
    book.decide("P-90", "publish", "published", "bureau:1", second="bureau:2", name="caps", value="1",
                in_force="2026-01-06T00:00:00.000Z")  # fmt: skip
    return book


@case("POLICY")
def a_second_case_for_one_policy():
    book = programme()
    terms = {"name": "points", "value": canonical({"validity_years": 9}), "in_force": "2027-01-06T00:00:00.000Z"}
    book.decide("P-90", "propose", "proposed", "bureau:1", **terms)
    return book


@case("POLICY")
def a_policy_that_is_in_force_before_the_version_before():
    book = programme()
    number = book.numbers["points"]
    book.policy(number, "points", {"validity_years": 3}, in_force="2026-03-01 00:00")
    book.policy(number, "points", {"validity_years": 4}, in_force="2026-03-01 00:00")
    return book


@case("POLICY")
def a_policy_that_is_in_force_before_it_was_decided():
    book = programme()
    book.policy(book.numbers["points"], "points", {"validity_years": 3}, in_force="2026-01-05 09:16")
    return book


@case("POLICY")
def a_life_cycle_that_cannot_be_read():
    book = programme()
    book.decide("P-90", "propose", "proposed", "bureau:1", name="procedure/policy", value="{}",
                in_force="2026-01-06T00:00:00.000Z")  # fmt: skip
    return book


@case("POLICY")
def an_issuance_by_a_policy_that_was_replaced():
    book = to_live()
    old = book.policies["points"]
    book.policy(book.numbers["points"], "points", {"validity_years": 3}, in_force="2026-02-03 00:00")
    book.wait("2026-02-03 09:00").issuance(1, book.live, book.methodology_digest, policies=[old])
    return book


@case("POLICY")
def an_issuance_by_a_policy_that_is_not_in_force_yet():
    book = to_live()
    new = book.policy(book.numbers["points"], "points", {"validity_years": 3}, in_force="2026-02-03 00:00")
    book.issuance(1, book.live, book.methodology_digest, policies=[new])
    return book


@case("POLICY")
def an_issuance_by_no_policy():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, policies=[book.methodology_digest])
    return book


@case("POLICY")
def points_that_are_valid_too_long():
    book = to_issued()
    book.move(Kind.CONVERT, 400, 500, CONVERTED, until=moment("2028-02-04 00:00") - 1)
    return book


@case("POLICY")
def points_of_which_no_policy_says_how_long():
    book = programme(points=None)
    book.move(Kind.CONVERT, 400, 500, CONVERTED, until=moment("2028-01-06 00:00") - 1)
    return book


# LOT


@case("LOT")
def grams_of_no_issuance():
    book = to_issued()
    book.move(Kind.ISSUE, 1000, 1001)
    return book


@case("LOT", "")
def grams_before_their_issuance():
    book = to_live()
    book.move(Kind.ISSUE, 0, 400)
    book.decide("I-1", "propose", "proposed")
    return book


@case("LOT")
def grams_over_the_end_of_an_issuance():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.move(Kind.ISSUE, 999, 1001)
    return book


@case("LOT")
def grams_over_the_end_of_one_issuance_into_the_next():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.issuance(2, book.live, book.methodology_digest, first=1000)
    book.move(Kind.ISSUE, 999, 1001)
    return book


@case("LOT")
def fewer_accounts_than_were_issued_to():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, accounts=3)
    book.move(Kind.ISSUE, 0, 400)
    book.move(Kind.ISSUE, 400, 1000)
    return book


@case("LOT")
def more_accounts_than_were_issued_to():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    book.move(Kind.ISSUE, 0, 999)
    return book


@case("LOT")
def grams_without_the_mark_of_a_scenario():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.move(Kind.ISSUE, 0, 400, Flag.INDIVIDUAL)
    return book


@case("LOT")
def grams_of_a_class_that_the_methodology_has_not():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.move(Kind.ISSUE, 0, 400, INDIVIDUAL | Flag.CLASS_I)
    return book


@case("LOT")
def an_issuance_of_grams_that_another_issued():
    book = to_issued()
    book.issuance(2, book.live, book.methodology_digest, first=999)
    return book


@case("LOT")
def an_issuance_of_more_accounts_than_grams():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, quantity=2, accounts=3)
    return book


@case("LOT")
def a_period_before_the_source_was_valid():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, period_from="2025-12-31T15:59:59.999Z")
    return book


@case("LOT")
def a_period_after_the_source_was_valid():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, period_until="2027-12-31T16:00:00.001Z")
    return book


@case("LOT")
def a_source_that_is_approved_for_no_time():
    book = to_live(valid_until="none")
    book.issuance(1, book.live, book.methodology_digest)
    return book


@case("LOT")
def two_lots_of_a_project_for_one_time():
    book = to_live("project")
    book.issuance(1, book.live, book.methodology_digest)
    book.issuance(2, book.live, book.methodology_digest, first=1000, period_from="2026-01-19T15:59:59.999Z",
                  period_until="2026-01-20T16:00:00.000Z")  # fmt: skip
    return book


@case()
def two_lots_of_a_project_for_neighbouring_times():
    book = to_live("project")
    book.issuance(1, book.live, book.methodology_digest)
    book.issuance(2, book.live, book.methodology_digest, first=1000, period_from="2026-01-19T16:00:00.000Z",
                  period_until="2026-01-20T16:00:00.000Z")  # fmt: skip
    return book


@case("LOT")
def a_bundle_of_grams_that_are_issued():
    book = to_issued()
    book.move(Kind.BUNDLE, 999, 1500)
    return book


@case("LOT")
def an_issuance_of_grams_that_are_bundled():
    book = to_issued()
    book.move(Kind.BUNDLE, 1000, 1500)
    book.issuance(2, book.live, book.methodology_digest, first=1499)
    return book


@case(findings=[(-2, "LOT_OPEN")])
def a_lot_that_is_not_issued_to_its_end():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.at += 86_400_000 - 60_000 + 1
    book.decide("I-2", "propose", "proposed")
    return book


@case()
def a_lot_that_has_time_to_its_end():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest)
    book.at += 86_400_000 - 60_000
    book.decide("I-2", "propose", "proposed")
    return book


# VOIDED


@case("VOIDED")
def grams_that_no_correction_names():
    book = to_issued()
    book.correct(1, book.lot, ["0 100"], 100)
    book.move(Kind.VOID, 0, 100)
    book.move(Kind.VOID, 100, 101)
    return book


@case("VOIDED", findings=[(-2, "CORRECTION_OPEN")])
def grams_of_which_a_correction_names_a_part():
    book = to_issued()
    book.correct(1, book.lot, ["0 100"], 100)
    book.move(Kind.VOID, 50, 150)
    return book


@case("VOIDED", "", "", findings=[(-1, "CORRECTION_OPEN")])
def grams_that_were_voided_before_their_correction():
    book = to_issued()
    book.move(Kind.VOID, 0, 100)
    book.correct(1, book.lot, ["0 100"], 100)
    return book


@case("VOIDED", findings=[(-2, "CORRECTION_OPEN")])
def more_grams_than_a_correction_voids():
    book = to_issued()
    book.correct(1, book.lot, ["0 100"], 99, 1)
    book.move(Kind.VOID, 0, 100)
    return book


@case("VOIDED")
def a_correction_of_grams_that_are_not_the_lot_s():
    book = to_issued()
    book.correct(1, book.lot, ["999 1001"], 2)
    return book


@case("VOIDED", findings=[(-3, "CORRECTION_OPEN")])
def grams_that_are_corrected_twice():
    book = to_issued()
    book.correct(1, book.lot, ["0 100"], 100)
    book.correct(2, book.lot, ["99 101"], 2)
    return book


@case("VOIDED")
def a_correction_that_does_not_add_up():
    book = to_issued()
    book.correct(1, book.lot, ["0 100", "200 300"], 150, 49)
    return book


@case("VOIDED", findings=[(-2, "CORRECTION_OPEN")], origins=[(9000, 9150, [[350, 400], [500, 600]])])
def grams_in_a_bundle_of_which_no_correction_names_a_part():
    book = to_issued()
    book.correct(1, book.lot, ["300 400"], 100)
    book.move(Kind.VOID, 9000, 9150)
    return book


# The order of faults


@case("PREVIOUS")
def the_first_rule_is_named():
    book = programme()
    book.decide("I-1", "publish", "nowhere", "nobody:1", previous=HEX, second="nobody:1")
    return book


@case("ACTOR", "")
def a_faulty_decision_has_no_effect():
    book = programme()
    book.decide("I-1", "propose", "proposed", "exchange:1")
    del book.last["I-1"]
    book.decide("I-1", "propose", "proposed")
    return book


@case("SECOND", "LOT", "POLICY")
def each_faulty_leaf_is_named():
    book = to_live()
    book.issuance(1, book.live, book.methodology_digest, second="centre:2")
    book.move(Kind.ISSUE, 0, 400)
    book.move(Kind.CONVERT, 0, 400, CONVERTED, until=moment("2028-02-04 00:00") - 1)
    return book


# CLOCK

NOW = moment("2026-02-02 09:00")


@case(watch=(NOW, NOW + 3_600_000))
def times_as_far_apart_as_they_may_be():
    book = Book()
    book.at = NOW - 60_000
    book.move(Kind.TRANSFER, 0, 1)
    book.move(Kind.TRANSFER, 0, 1)
    return book


@case("CLOCK", watch=(NOW, None))
def a_leaf_from_the_future():
    book = Book()
    book.at = NOW + 1
    book.move(Kind.TRANSFER, 0, 1)
    return book


@case("CLOCK", watch=(NOW, NOW))
def a_leaf_that_is_backdated():
    book = Book()
    book.at = NOW - 3_600_001 - 60_000
    book.move(Kind.TRANSFER, 0, 1)
    return book

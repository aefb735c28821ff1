"""Lawful logs."""

import copy

from registry.clock import rfc3339
from registry.ledger.movement import Flag, Kind
from registry.procedure.decision import Record
from registry.procedure.table import shipped_value
from tests.support.decisions import (
    CALENDAR_2027,
    HEX,
    Book,
    moment,
    programme,
    sealed,
    to_issued,
    to_live,
    to_publicity,
)
from tests.support.procedure_cases.making import (
    CONVERTED,
    ISSUES,
    QUANTIFIED,
    RECOGNISED,
    behaviours,
    case,
    lot_of,
)


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
    book = to_live("behaviour", tables={"behaviours": behaviours(ISSUES)})
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    book.move(Kind.ISSUE, 0, 1000)
    return book


@case()
def a_behaviour_that_issues_what_neither_converts_nor_is_traded():
    book = to_live("behaviour", tables={"behaviours": behaviours({"quantified", "issues"})})
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    book.move(Kind.ISSUE, 0, 1000)
    return book


@case()
def a_behaviour_scenario_that_is_recognised_alone():
    return to_live("behaviour", tables={"behaviours": behaviours(QUANTIFIED)})


@case()
def a_behaviour_that_a_policy_lets_issue_from_a_time_on():
    book = to_live("behaviour")
    book.policy(90, "behaviours", behaviours(RECOGNISED))
    book.policy(90, "behaviours", behaviours(ISSUES), in_force="2026-02-03 00:00")
    book.wait("2026-02-02 23:58").issuance(1, book.live, book.methodology_digest, accounts=1)
    return book


@case()
def a_methodology_whose_versions_are_not_all_published():
    book = programme()
    book.methodology()
    terms = {"code": "SHCER02020032021II", "version": "7", "class_": "II", "kind_": "scenario", "definition": "{}"}
    book.decide("M-1", "revise", "published", "bureau:1", second="bureau:2", **terms)
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
    book = to_live(tables={"calendar/2027": CALENDAR_2027})
    book.at = moment("2027-10-01 00:00") - 60_000
    renewed = book.terms | {"valid_until": "2030-01-01T00:00:00.000Z"}
    book.source("S-1", "renew", "live", renewed, second="centre:9")
    book.find(renewed, actor="exchange:3", until="2028-12-01 00:00")
    book.clear(renewed)
    book.source("S-1", "change_devices", "verifying", renewed, devices_sha256=HEX)
    book.source("S-1", "verify_devices", "live", renewed, second="centre:9", devices_sha256=HEX)
    book.source("S-1", "exclude", "excluded", renewed, second="exchange:1", reason="false_data")
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

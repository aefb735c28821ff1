"""Logs that break POLICY, or just do not."""

from registry.ledger.movement import Kind
from tests.support.decisions import (
    canonical,
    moment,
    programme,
    to_issued,
    to_live,
)
from tests.support.procedure_cases.making import CONVERTED, ISSUES, QUANTIFIED, RECOGNISED, behaviours, case


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


@case("POLICY")
def a_behaviour_of_which_no_policy_speaks():
    book = to_live("behaviour")
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    return book


@case("POLICY")
def a_behaviour_that_is_quantified_and_issues_nothing():
    book = to_live("behaviour", tables={"behaviours": behaviours(QUANTIFIED)})
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    return book


@case("POLICY")
def a_behaviour_beside_one_that_issues():
    book = to_live("behaviour", tables={"behaviours": behaviours(ISSUES, code="other")})
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    return book


@case("POLICY")
def a_behaviour_that_issued_until_a_policy_took_it_back():
    book = to_live("behaviour", tables={"behaviours": behaviours(ISSUES)})
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    number = book.numbers["behaviours"]
    book.policy(number, "behaviours", behaviours(RECOGNISED), in_force="2026-02-03 00:00")
    book.wait("2026-02-03 00:00").issuance(2, book.live, book.methodology_digest, first=1000, accounts=1)
    return book


@case("POLICY")
def a_behaviour_that_does_not_issue_yet():
    book = to_live("behaviour")
    book.policy(90, "behaviours", behaviours(RECOGNISED))
    book.policy(90, "behaviours", behaviours(ISSUES), in_force="2026-02-03 00:00")
    book.issuance(1, book.live, book.methodology_digest, accounts=1)
    return book


def proposed(value):
    book = programme()
    book.decide("P-90", "propose", "proposed", "bureau:1", name="behaviours", value=canonical(value),
                in_force="2026-01-06T00:00:00.000Z")  # fmt: skip
    return book


@case("POLICY")
def a_behaviour_that_issues_what_is_not_quantified():
    return proposed(behaviours({"issues", "converts", "tradable"}))


@case("POLICY")
def a_behaviour_that_converts_what_is_not_issued():
    return proposed(behaviours({"quantified", "converts"}))


@case("POLICY")
def a_behaviour_that_trades_what_is_not_issued():
    return proposed(behaviours({"quantified", "tradable"}))


@case("POLICY")
def a_behaviour_of_which_a_switch_is_not_said():
    value = behaviours(QUANTIFIED)
    del value["behaviours"]["SHCER02020032021II"]["tradable"]
    return proposed(value)


@case("POLICY")
def a_behaviour_of_no_code():
    return proposed(behaviours(QUANTIFIED, code="a behaviour"))

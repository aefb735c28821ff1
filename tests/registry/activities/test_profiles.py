"""Profiles as data: what contradicts itself is refused, and what other kinds of files need can be said."""

import json
from dataclasses import replace
from importlib.resources import files

import pytest

from registry.activities.judgement.known import Known, Link
from registry.activities.judging import Terms, judge_file, names_in
from registry.activities.profiles.fitting import fit
from registry.activities.profiles.profile import By, Who, parse
from registry.activities.profiles.shelf import find, shipped
from registry.activities.subjects import Subject
from registry.errors import Invalid, NotFound
from registry.methodologies.record import program
from registry.methodologies.shelf import find as find_methodology
from registry.policies.activities import Evidence, Risk
from tests.support.judging import ALWAYS, ISSUED, LIMITS, accepted_rows, judge, reasons, terms_for
from tests.support.rides import SCENARIO, write_rides

TEXT = (files("registry.activities.profiles") / "records" / "norway-charging.json").read_text(encoding="utf-8")


def _changed(change):
    document = json.loads(TEXT)
    change(document)
    return json.dumps(document).encode()


def _column(number, **changes):
    return lambda of: of["columns"][number].update(changes)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda of: of.update(guess=True), "guess"),
        (lambda of: of.pop("zone"), "zone"),
        (lambda of: of.pop("evidence"), "required"),
        (lambda of: of.update(evidence="hearsay"), "at evidence"),
        (lambda of: of.update(evidence={"column": "kind"}), "evidence that is one of"),
        (lambda of: of.update(zone="Mars/Olympus"), "no zone"),
        (lambda of: of.update(zone="+8"), "no offset"),
        (lambda of: of.update(separator="::"), "separator"),
        (lambda of: of.update(encoding="gbk", separator="|"), "no bars"),
        (lambda of: of.update(format="json-lines"), "CSV only"),
        (lambda of: of["span"].update(interval_s=60), "one of ends, duration and interval_s"),
        (lambda of: of["span"].pop("ends"), "one of ends, duration"),
        (lambda of: of.update(reference=["order"]), "no column 'order'"),
        (lambda of: of["things"][0].update(kind="person"), "a thing that is one of"),
        (lambda of: of["personal"].update(private="mine"), "to mean mine"),
        (_column(0, column="User_ID"), "each column of the file once"),
        (_column(0, name="user"), "each column's name once"),
        (_column(0, constant="x"), "a column or a constant"),
        (_column(3, pattern="DD.MM HH:mm"), "does not tell"),
        (_column(3, pattern="DD.MM.YYYY h"), "cannot be read"),
        (_column(3, pattern="DD.MM.YYYY HH:mm DD"), "twice"),
        (_column(5, unit="furlong"), "no unit furlong"),
        (_column(5, unit=None), "a unit of numbers"),
        (_column(2, values=None), "values of a choice"),
    ],
)
def test_a_profile_that_contradicts_itself_or_leaves_something_to_guess_is_refused(change, says):
    parse(TEXT.encode())
    with pytest.raises(Invalid, match=says):
        parse(_changed(change))


def test_every_profile_that_ships_fits_its_methodology_and_the_rules_of_its_kind():
    for profile in shipped():
        terms = terms_for(profile.methodology)
        assert {fed.input.name for fed in fit(profile, terms.program, terms.risk)} <= {
            of.name for of in terms.program.definition.inputs
        }
    with pytest.raises(NotFound, match="shanghai-rides"):
        find("nonsense")


@pytest.mark.parametrize(
    ("feed", "column", "says"),
    [
        ({"input": "charged", "of": "plug_in"}, {}, "is a number"),
        ({"input": "charged", "of": "charged"}, {"unit": "km"}, "cannot be made that"),
        ({"input": "charged", "of": "ends"}, {}, "not fed by ends"),
        ({"input": "other", "of": "charged"}, {}, "not one for this methodology"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused_before_a_file_is_read(tmp_path, feed, column, says):
    def change(of):
        of["columns"][5].update(column)
        of["feeds"][4] = feed

    with pytest.raises(Invalid, match=says):
        judge(tmp_path / "absent", "norway-charging", {}, profiled=parse(_changed(change)))


TAPS = {
    "id": "city-metro", "version": 1, "name": {"zh": "轨", "en": "Metro"}, "note": {"zh": "合成", "en": "synthetic"},
    "methodology": "metro", "format": "json-lines", "zone": "+08:00",
    "columns": [
        {"name": "card", "type": "name", "column": "card"},
        {"name": "gate", "type": "choice", "column": "gate", "values": {"I": "in", "O": "out"}},
        {"name": "at", "type": "time", "column": "at", "pattern": "YYYY-MM-DDTHH:mm:ssZZ"},
        {"name": "way", "type": "number", "column": "way", "unit": "passenger-km", "decimals": 1, "optional": True},
    ],
    "reference": ["card", "at"], "span": {"begins": "at"},
    "taps": {"gate": "gate", "card": "card", "entry": "in", "exit": "out"},
    "feeds": [
        {"input": "card", "of": "card"}, {"input": "journey", "of": "journey"}, {"input": "gate", "of": "gate"},
        {"input": "tapped", "of": "begins"}, {"input": "distance", "of": "way"},
    ],
    "who": {"by": "card", "column": "card"}, "evidence": "gate", "things": [{"kind": "card", "column": "card"}],
}  # fmt: skip


def test_an_entry_and_the_next_exit_of_a_card_are_a_journey_of_whose_card_it_was_then(tmp_path):
    taps = [
        ("00123", "I", "08:00", None), ("00123", "O", "08:30", 10.5), ("9", "I", "08:10", None),
        ("00123", "O", "09:00", 3), ("9", "O", "08:40", 4), ("9", "I", "10:00", None), ("8", "O", "10:00", 2),
    ]  # fmt: skip
    lines = [
        json.dumps({"card": card, "gate": gate, "at": f"2024-05-01T{at}:00+08:00", "way": way})
        for card, gate, at, way in taps
    ]
    path = tmp_path / "taps.jsonl"
    path.write_text("\n".join(lines))
    nine = 1714530600000  # 10:30, before which the card 9 was another's
    links = [Link("00123", 1), Link("9", 2, until_ms=nine - 5_400_000), Link("9", 3, nine - 5_400_000), Link("8", 4)]
    terms = Terms(program(find_methodology("metro")), (ALWAYS,), LIMITS, Risk(14_400, 60), ISSUED)
    judged = judge_file(path, parse(json.dumps(TAPS).encode()), terms, Known(lambda _names: links))
    # (0.106 - 0.035) kg/pkm; journeys are referred to by card and entry.
    assert [
        (one.account_id, one.quantity_g, one.reference.partition("/")[0], one.subjects)
        for one in judged.of_platform(12).activities
    ] == [
        (1, 745, "00123", (Subject("card", "12/00123"),)),
        (2, 284, "9", (Subject("card", "12/9"),)),
    ]
    assert reasons(judged) == {4: "unpaired-tap", 6: "unpaired-tap", 7: "unpaired-tap"}
    assert (judged.rows, judged.rows_accepted) == (7, 4)


def test_a_card_that_is_nobodys_at_the_time_is_not_consented(tmp_path):
    rides = [{"orderid": "1", "userid": "c"}, {"orderid": "2", "userid": "c", "start_time": "2016-08-20 09:00",
              "end_time": "2016-08-20 09:20"}]  # fmt: skip
    profile = replace(find("shanghai-rides"), who=Who(by=By.CARD, column="user_id"))
    terms = terms_for("shared-bicycle", SCENARIO)
    known = Known(lambda _names: [Link("c", 5, from_ms=1471651200000)])
    judged = judge_file(write_rides(tmp_path / "rides.csv", rides), profile, terms, known)
    assert reasons(judged) == {2: "not-consented"}
    assert [one.account_id for one in judged.activities] == [5]


def test_what_is_beyond_a_persons_day_waits_in_quarantine_and_keeps_its_grams(tmp_path):
    rides = [
        {
            "orderid": str(n),
            "bikeid": str(n),
            "start_time": f"2016-08-19 {hour:02}:00",
            "end_time": f"2016-08-19 {hour:02}:30",
        }
        for n, hour in enumerate((9, 8, 10, 23))
    ]
    rides.append({"orderid": "next", "start_time": "2016-08-20 00:00", "end_time": "2016-08-20 00:30"})
    path = write_rides(tmp_path / "rides.csv", rides)
    judged = judge(path, "shanghai-rides", {"7": 70}, terms=terms_for("shared-bicycle", SCENARIO, most_a_day=2))
    assert accepted_rows(judged) == [2, 3, 6]
    assert [(one.row, one.reason, one.activity.quantity_g) for one in judged.quarantined()] == [
        (4, "too-many-a-day", 193),
        (5, "too-many-a-day", 193),
    ]
    assert len(judged.activities_held()) == 2


def test_what_is_self_declared_or_known_by_too_little_makes_no_grams(tmp_path):
    proofs = ("L", "S", "N", "L")
    rides = [{"orderid": str(n), "userid": f"u{n}", "track": proof} for n, proof in enumerate(proofs)]
    text = (files("registry.activities.profiles") / "records" / "shanghai-rides.json").read_text(encoding="utf-8")
    document = json.loads(text)
    meanings = {"L": "lock", "S": "self-declared", "N": "navigation"}
    document["columns"].append({"name": "proof", "type": "choice", "column": "track", "values": meanings})
    profile = parse(json.dumps(document | {"evidence": {"column": "proof"}}).encode())
    path, linked = write_rides(tmp_path / "rides.csv", rides), {f"u{n}": n + 1 for n in range(4)}
    taken = terms_for("shared-bicycle", SCENARIO, evidence=(Evidence.LOCK,))
    judged = judge(path, "", linked, terms=taken, profiled=profile)
    assert reasons(judged) == {3: "self-declared", 4: "weak-evidence", 5: "overlapping"}
    assert "navigation" in [one.said.en for one in judged.refused()][1]
    judged = judge(path, "", linked, terms=terms_for("shared-bicycle", SCENARIO), profiled=profile)
    assert reasons(judged) == {3: "self-declared", 4: "overlapping", 5: "overlapping"}, "some policies take navigation"
    for evidence in (["self-declared"], ["lock", "self-declared"], []):
        with pytest.raises(Invalid, match="self-declared"):
            Risk.of({"longest_s": 1, "clock_resolution_s": 0, "evidence": evidence})


def test_names_are_those_that_could_be_linked(tmp_path):
    path = write_rides(tmp_path / "rides.csv", [{"userid": user} for user in ("b", "a b", "", "a", "b", "=1")])
    assert names_in(path, find("shanghai-rides"), LIMITS) == ["a", "b"]
    assert names_in(path, replace(find("shanghai-rides"), who=None), LIMITS) == []

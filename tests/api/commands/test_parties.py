"""What authors, experts and those with a finding do by `gram`, with tokens of their own, over REST."""

import json
import re

import pytest

from registry.clock import rfc3339, system_clock
from registry.identity.grants import Grant
from registry.identity.roles import Role
from registry.methodologies.record import to_document
from registry.methodologies.shelf import find
from tests.support.experts import expert
from tests.support.rest import Caller

TEXT = to_document(find("metro-by-trip")) | {"methodology_class": "II", "code": None, "id": "by-command"}


@pytest.fixture
def by(live, gram):
    """`by(caller, "submission", "list")` runs a command with somebody's token; gives what it printed."""

    def run(who: Caller, *words: object) -> str:
        code, said, err = gram(*words, "--registry", live.url, *(("--token", who.token) if who.token else ()))
        return said if code == 0 else err

    return run


def test_a_text_is_submitted_returned_mended_recorded_and_opined_on(live, by, tmp_path):
    def officer(number):
        live.grant(f"centre-{number}", Grant(Role.CENTRE, officer=number))
        return Caller(live.url, live.site.development_issuer.token(f"centre-{number}", system_clock() // 1000))

    author = Caller(live.url, live.site.development_issuer.token("an author", system_clock() // 1000))
    centre, who, text, grounds = officer(1), expert(live, 61), tmp_path / "text.json", tmp_path / "grounds.txt"
    for wrong, why in ("[", "no JSON"), ('{"a": NaN}', "NaN"), ('{"a": 1, "a": 2}', "twice"), ("[]", "no object"):
        text.write_text(wrong, encoding="utf-8")
        assert why in by(author, "submission", "begin", text)
    text.write_text(json.dumps(TEXT), encoding="utf-8")
    (number,) = re.findall(r"Submission (\d+) is draft now", by(author, "submission", "begin", text))
    assert f"{number} is submitted now" in by(author, "submission", "hand-in", number)
    sent = by(centre, "submission", "return", number, "--reason", "incomplete", "--message", "Table 2 is missing.")
    assert "is returned now" in sent
    assert "message: Table 2 is missing." in by(author, "submission", "show", number)
    by(author, "submission", "correct", number, text)
    by(author, "submission", "hand-in", number)
    (case,) = re.findall(r"is case (M-\d+) now", by(centre, "decide", "record", number))
    assert f"{number}  methodology  recorded  {case}" in by(author, "submission", "list")
    (asked,) = re.findall(r"Request (\d+) waits", by(centre, "decide", "ask", case, "expert:61"))
    assert f"{asked}  {case}  asked" in by(who, "opinion", "list")
    assert "by-command" in by(who, "opinion", "show", asked)
    grounds.write_text("基准线可靠。", encoding="utf-8")
    assert "no-interest" in by(who, "opinion", "answer", "-h")
    assert "The opinion is given" in by(
        who, "opinion", "answer", asked, "for", grounds, "--reason", "sound", "--no-interest"
    )
    until = rfc3339(system_clock() + 3_600_000)
    opened = by(
        centre, "finding", "open", "false-report", "--reasons", "报告不实", "--until", until, "--expert", "expert:61",
        "--bars",
    )  # fmt: skip
    (finding,) = re.findall(r"Finding (\d+) is opened now", opened)
    assert "is in-force now" in by(officer(2), "finding", "approve", finding)
    assert re.search(rf"{finding}  F-\d+  expert:61  false-report, bars", by(Caller(live.url), "finding", "list"))
    assert "is in-force now" in by(who, "finding", "appeal", finding, "--message", "并非如此")
    live.grant("bureau-1", Grant(Role.BUREAU, officer=1))
    bureau = Caller(live.url, live.site.development_issuer.token("bureau-1", system_clock() // 1000))
    assert "is lifted now" in by(bureau, "finding", "answer", finding, "--message", "有理", "--lifted")

"""Bad input: amounts that are none, a file that changes, an approval that ends, and a list of very many bad rows."""

import tracemalloc

import pyarrow as pa

from registry.accounts.vault import Vault
from registry.activities.judged import judged_of
from registry.activities.judgement.known import Known, Link
from registry.activities.judgement.stages import Outcome
from registry.activities.judging import judge_file
from registry.activities.profiles.shelf import find
from registry.activities.reading.reading import ReadFile
from registry.issuance.listing import Abnormal, read_page, write_listing
from registry.methodologies.record import Window
from tests.support.activity_files import NORWAY
from tests.support.judging import judge, reasons, terms_for
from tests.support.reporting import rides_csv

AMOUNTS = {
    "12,5": None,
    "0": "no-reduction",
    "-12,5": "out-of-range",
    "12,505": "wrong-type",
    "12.5": "wrong-type",
    "1e1": "wrong-type",
    "\u0661\u0662": "wrong-type",
    "9223372036854775808": "wrong-type",
    "999999999": "out-of-range",
    "-0": "no-reduction",
    "+1": "wrong-type",
    "NA": "missing",
    " 1": "wrong-type",
}


def test_an_amount_that_is_none_is_refused_and_says_why(tmp_path):
    path = tmp_path / "file.csv"
    lines = [
        f"{n};AdO3;A-{n};Private;NA;01.05.2019 18:00;01.05.2019 19:00;{amount}"
        for n, amount in enumerate(AMOUNTS, start=1)
    ]
    path.write_text("\r\n".join([NORWAY, *lines, ""]), encoding="utf-8")
    judged = judge(path, "norway-charging", {f"A-{n}": n for n in range(1, 1 + len(AMOUNTS))})
    found = reasons(judged)
    assert {amount: found.get(row) for row, amount in enumerate(AMOUNTS, start=2)} == AMOUNTS


def test_what_is_hashed_is_what_is_judged_whatever_becomes_of_the_file_meanwhile(tmp_path):
    path = tmp_path / "file.csv"
    rides = [{"orderid": f"S-{n}", "userid": f"u{n}", "bikeid": f"b{n}"} for n in range(3)]
    path.write_bytes(rides_csv(rides))

    def meanwhile(names):
        path.write_bytes(rides_csv(rides[:1]) + b'"never closed')
        return [Link(name, place) for place, name in enumerate(sorted(names), start=1)]

    found = judge_file(path, find("shanghai-rides"), terms_for("shared-bicycle"), Known(meanwhile))
    path.write_bytes(rides_csv(rides))
    quiet = judge(path, "shanghai-rides", {f"u{n}": n + 1 for n in range(3)})
    assert (found.input_sha256, found.quantity_g, found.rows) == (quiet.input_sha256, quiet.quantity_g, 3)


def test_of_a_batch_in_which_an_approval_ends_what_lies_wholly_before_the_end_stands(tmp_path):
    path = tmp_path / "file.csv"
    times = [("21:00", "21:20"), ("21:30", "21:50"), ("21:40", "22:10"), ("22:00", "22:20")]
    path.write_bytes(rides_csv([
        {
            "orderid": f"S-{n}", "userid": f"u{n}", "bikeid": f"b{n}",
            "start_time": f"2016-08-20 {begins}", "end_time": f"2016-08-20 {ends}",
        }
        for n, (begins, ends) in enumerate(times)
    ]))  # fmt: skip
    ends_ms = 1_471_701_000_000  # 21:50 in Shanghai
    judged = judge(path, "shanghai-rides", {f"u{n}": n + 1 for n in range(4)}, Window(0, ends_ms))
    assert reasons(judged) == {4: "outside-validity", 5: "outside-validity"}
    assert judged.rows_accepted == 2


def test_a_list_of_very_many_bad_rows_is_written_and_read_in_little_memory(tmp_path):
    rows = 60_000
    refused = pa.table({
        "row": pa.array(range(2, rows + 2), pa.int64()),
        "given": [f"S-{n}" for n in range(rows)],
        "why": ["wrong-type", "repeated"] * (rows // 2),
        "detail": ["start_time", "2"] * (rows // 2),
    })  # fmt: skip
    empty = refused.slice(0, 0)
    terms = terms_for("shared-bicycle")
    outcome = Outcome(empty, refused, empty, empty, {}, (0, 0))
    judged = judged_of(outcome, ReadFile(tmp_path, rows, b"s" * 32), find("shanghai-rides"), terms.risk, terms.program)
    file, vault = tmp_path / "abnormal.jsonl", Vault(bytes(32))
    tracemalloc.start()
    write_listing(
        vault,
        file,
        (Abnormal(one.row, one.reference, one.reason, one.said.zh, one.said.en) for one in judged.refused()),
    )
    seen, cursor = 0, None
    for _ in range(3):
        page = read_page(vault, file, cursor, 100)
        seen, cursor = seen + len(page.items), page.next_cursor
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (seen, judged.refused_by_reason()) == (300, {"wrong-type": rows // 2, "repeated": rows // 2})
    assert file.stat().st_size > 12_000_000
    assert peak < 8_000_000, "it goes through memory in pieces"

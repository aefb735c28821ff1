"""Erasure: nothing leads from the person to an act afterwards, and nothing was frozen that could have been settled."""

import io
from base64 import b64encode
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from api.installation.development_issuer import NAME
from api.installation.officers import CENTRE
from registry.activities.activities import Activity, reference_digest
from registry.errors import JobBroken
from registry.identity.grants import Grant
from registry.identity.roles import Role
from registry.identity.subjects import Subject
from registry.issuance.issue import issue
from registry.issuance.report import Report
from registry.jobs.jobs import add_job, end_all, get_job
from registry.ledger.idempotency import Claim
from registry.ledger.ledger import Amount, lock_grams
from registry.ledger.movement import Form, Purpose
from registry.ledger.queries import holdings
from registry.sources.sources import consented_accounts, give_consent
from registry.upkeep.consistency import check_tables
from registry.upkeep.erasure import CHOICES
from tests.api.door.test_authorisation import BODIES, MAY
from tests.support.columns import AT_REST, COLUMNS, Is
from tests.support.reporting import Reporting, rides_csv
from tests.support.rest import Caller, authority, fresh_key, holder, institution, is_problem, person_with
from tests.support.running import FIRST_RIDE_MS, Live

_numbers = count(1)


@pytest.fixture(scope="module")
def shop(live) -> Caller:
    return institution(live)


def columns(tx: sa.Connection, such: str = "") -> dict[str, set[str]]:
    """Every column of every table that there is, as the database says, or such alone."""
    found: dict[str, set[str]] = {}
    for row in tx.execute(sa.text(_COLUMNS.format(such=such))):
        found.setdefault(row.table_name, set()).add(row.column_name)
    return found


def dump(tx: sa.Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of every table."""
    for table in columns(tx):
        for row in tx.execute(sa.text(f'SELECT * FROM "{table}"')).mappings():  # noqa: S608 (the database's own name)
            yield table, {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}


def test_every_column_says_what_it_is_to_a_person(live):
    with live.site.database.reading() as tx:
        there = columns(tx)
        holding = columns(tx, "AND data_type IN ('text', 'jsonb', 'json', 'bytea', 'ARRAY', 'character varying')")
    assert {table: set(names) for table, names in COLUMNS.items()} == there, "classify the new column"
    kept = {table: set(names) for table, names in AT_REST.items()}
    assert kept == holding, "say how what the new column holds is kept"


class Person:
    """Somebody with everything that a person can have here, and every word that is theirs."""

    def __init__(self, live: Live, shop: Caller) -> None:
        self.mark = f"zhangsan{next(_numbers)}x"
        centre = authority(live, "centre")
        self.opening = (f"open-{self.mark}", {"kind": "individual", "name": f"Name {self.mark}"})
        self.account = centre.post("/v1/accounts", self.opening[1], self.opening[0]).json()["id"]
        self.me = holder(live, self.account)
        self.platform_user, self.order = f"user-{self.mark}", f"order-{self.mark}"
        start = FIRST_RIDE_MS + 9_000_000_000 + next(_numbers) * 600_000
        ride = Activity(self.order, self.account, start, start + 500_000, 1000)
        with live.site.database.transaction() as tx:
            give_consent(tx, live.site.ledger.vault, live.source.id, {self.platform_user: self.account}, 1)
            issue(tx, live.site.ledger, Report(live.source, [ride]), CENTRE)
        self.keys: dict[str, str] = {}
        self.act("conversions", quantity_g=500)
        self.act("redemptions", quantity_g=100, provider=shop.account, reference=f"till {self.mark}")
        self.act("transfers", quantity_g=50, to=shop.account, reference=f"contract {self.mark}")
        words = {"beneficiary": f"for {self.mark}", "statement": f"from {self.mark}"}
        self.certificate = self.act("cancellations", quantity_g=50, purpose="donation", **words)["certificate"]
        for kind in ("card", "plate", "meter"):
            assert self.me.act("links", kind=kind, number=f"{kind} {self.mark}").status_code == 201
        centre.get(f"/v1/accounts/{self.account}", headers={"Purpose": f"complaint of {self.mark}"})

    def act(self, act: str, **body: object) -> Any:
        self.keys[act] = f"{act}-{self.mark}"
        self.last = (act, body)
        answer = self.me.act(act, self.keys[act], **body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def before(self) -> dict[str, Any]:
        return self.me.get(f"/v1/accounts/{self.account}/erasure").json()

    def erase(self, key: str | None = None, **choice: object) -> Any:
        confirm = {"confirm": self.before()["confirm"]} if "confirm" not in choice else {}
        return self.me.post(f"/v1/accounts/{self.account}/erasure", confirm | choice, key)


def test_who_reads_the_database_alone_reads_nobodys_words(live, shop):
    """Nor the files of a batch: of people with names, cards, orders and words, as text, bytes, hex or base64."""
    person, reporting = Person(live, shop), Reporting.of(live)
    reporting.riders(f"rider-{person.mark}")
    rider = {"userid": f"rider-{person.mark}"}
    rides = [rider | {"orderid": f"ride-{person.mark}"}, rider | {"orderid": f"bad-{person.mark}", "track": ""}]
    batch = reporting.proposed(rides_csv(rides))
    assert [row["reference"] for row in reporting.rows(batch)] == [f"bad-{person.mark}"]
    firm = f"Firm {person.mark} Ltd"
    authority(live, "centre").post("/v1/accounts", {"kind": "institution", "name": firm})
    with live.site.database.transaction() as tx:
        vault, asked = live.site.ledger.vault, {"reference": f"job {person.mark}"}
        number = add_job(tx, vault, person.account, "transfers", asked, 1, 1)
        assert get_job(tx, vault, person.account, number).asked == asked
    path = f"/v1/accounts/{person.account}"
    read = [person.me.get(path).text, person.me.get(f"{path}/links").text]
    read += [person.me.get(f"{path}/consents").text, person.me.get(f"{path}/reads").text]
    assert all(person.mark in text.lower() for text in read), "its owner reads each of them"
    assert person.mark in Caller(live.url).get(f"/v1/certificates/{person.certificate}").text
    mark = person.mark.encode()
    forms = {mark, mark.hex().encode(), *(b64encode(bytes(at) + mark)[4 if at else 0 : -4] for at in range(3))}
    secrets = {*forms, person.me.token.encode()}
    with live.site.database.reading() as tx:
        for table, row in dump(tx):
            for column, value in row.items():
                held = value.lower() if isinstance(value, bytes) else repr(value).encode()
                assert [one for one in secrets if one in held or one in held.lower()] == [], (table, column)
    files = [path for path in live.site.folder.path.rglob("*") if path.is_file() and "postgres" not in path.parts]
    kept = {"reported", "abnormal.jsonl", "standing.parquet"}
    assert kept <= {name for path in files if str(batch) in path.parts for name in path.parts}
    assert [path for path in files if mark in path.read_bytes()] == []
    with live.site.database.transaction() as tx:
        end_all(tx, vault, 1, JobBroken("It was for a test."))


def test_nothing_leads_from_an_erased_person_to_an_act(live, shop):
    person = Person(live, shop)
    site, mark = live.site, person.mark
    assert person.erase(f"erase-{mark}", reductions="donation", points="donation").status_code == 201
    live.publish()
    vault, sub = site.ledger.vault, f"account-{person.account}"
    me, centre = (Subject(NAME, name).digest(vault).hex() for name in (sub, "centre-1"))
    principals = dict.fromkeys((*person.keys.values(), f"erase-{mark}"), me) | {person.opening[0]: centre}
    digests = {Claim.of(vault, principal, key, None).claim for key, principal in principals.items()}
    digests.add(reference_digest(vault, live.source.id, person.order))
    found = 0
    with site.database.reading() as tx:
        for table, row in dump(tx):
            assert mark not in repr(row), table
            assert sub not in repr(row), table
            if digests & {value for value in row.values() if isinstance(value, bytes)}:
                found += 1
                beside = [name for name, value in row.items() if value is not None and COLUMNS[table][name] is Is.CUT]
                assert beside == []
        gone = {table: [name for name, kind in kinds.items() if kind is Is.GONE] for table, kinds in COLUMNS.items()}
        for table, row in dump(tx):
            if row.get("account_id" if table != "accounts" else "id") == person.account:
                assert [name for name in gone[table] if row[name] is not None] == [], table
        assert list(check_tables(tx)) == [], "to fsck it is no fault"
    assert found == len(digests), "a digest of each is still there, alone: nothing is done twice"
    for path in site.folder.path.rglob("*"):
        if path.is_file() and "postgres" not in path.parts:
            assert mark.encode() not in path.read_bytes(), path


def test_a_repeated_request_after_an_erasure_does_nothing_twice(live, shop):
    person = Person(live, shop)
    act, body = person.last
    key = f"erase-{person.mark}"
    confirm = person.before()["confirm"]
    assert person.erase(key, confirm=confirm, reductions="forfeit", points="forfeit").status_code == 201
    back = holder(live, live.person())
    with live.site.database.reading() as tx:
        before = tx.execute(sa.text("SELECT count(*), max(id) FROM movements")).one()
        accounts = tx.execute(sa.text("SELECT count(*) FROM accounts")).scalar_one()
    assert is_problem(person.me.act(act, person.keys[act], **body), 403, "no-role")
    live.grant(f"account-{person.account}", Grant(Role.HOLDER, back.account))
    again = Caller(live.url, person.me.token, back.account).act(act, person.keys[act], **body)
    assert is_problem(again, 409, "idempotency-key-forgotten"), "the same person, in a new account"
    assert is_problem(person.me.act(act, **body), 403, "forbidden")
    opened = authority(live, "centre").post("/v1/accounts", person.opening[1], person.opening[0])
    assert is_problem(opened, 409, "idempotency-key-forgotten")
    erased = {"confirm": confirm, "reductions": "forfeit", "points": "forfeit"}
    path = f"/v1/accounts/{person.account}/erasure"
    assert is_problem(person.me.post(path, erased, key), 403, "forbidden")
    assert is_problem(person.me.post(path, erased), 403, "forbidden")
    with live.site.database.reading() as tx:
        assert tx.execute(sa.text("SELECT count(*), max(id) FROM movements")).one() == before
        assert tx.execute(sa.text("SELECT count(*) FROM accounts")).scalar_one() == accounts


@pytest.mark.parametrize(
    "choice", [{"reductions": "donation", "points": "donation"}, dict.fromkeys(CHOICES, "forfeit")]
)
def test_a_token_of_who_was_erased_is_refused_everywhere_at_once(live, shop, choice):
    person = Person(live, shop)
    moved = person.me.get(f"/v1/accounts/{person.account}/movements").json()["items"][0]["id"]
    assert person.erase(**choice).status_code == 201
    asked = [route for route, who in MAY.items() if "own" in who and "no-role" not in who]
    assert len(asked) >= 11
    for method, path in asked:
        named = dict.fromkeys(
            ("webhook", "job", "source_id", "mandate", "link", "quarantine", "grant", "support", "disclosure"), 1
        )
        there = path.format(
            account_id=person.account, movement=moved, number="GLO-1", offer=1, day="2026-11-28", **named
        )
        body = BODIES.get(path.rpartition("/")[2], {})
        answer = person.me.post(there, body) if method == "POST" else person.me.get(there)
        assert is_problem(answer, 403, "no-role"), (method, path, answer.text)


@pytest.mark.parametrize("role", ["centre", "bureau"])
def test_authorities_read_of_an_erased_account_that_it_was_there(live, shop, role):
    """Its movements and blocks are still in the tables, and what was forfeited; no route leads to them."""
    person = Person(live, shop)
    assert person.erase(reductions="forfeit", points="forfeit").status_code == 201
    reader, path = authority(live, role), f"/v1/accounts/{person.account}"
    found = reader.get(path).json()
    assert found.pop("erased_at") is not None
    assert found.pop("opened_at") is not None
    assert found == {"id": person.account, "kind": "individual", "name": None, "balances": []}
    for what in ("/movements", "/blocks"):
        assert is_problem(reader.get(path + what), 403, "account-erased")


@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
def test_who_asks_to_be_erased_without_looking_is_told_to_look(live, body):
    rider = person_with(live, 5)
    path = f"/v1/accounts/{rider.account}/erasure"
    answer = rider.post(path, body)
    assert is_problem(answer, 400, "confirm-missing")
    assert "GET this path first" in answer.json()["detail"]
    bare = rider.ask("POST", path, headers={"Idempotency-Key": fresh_key()})
    assert bare.json() == answer.json(), "without a body there is no type of it either"
    assert rider.balances() == {"reduction": 5, "points": 0}


def test_what_was_confirmed_of_one_account_erases_no_other(live):
    """Both hold nothing, which reads the same."""
    one, other = (holder(live, live.person()) for _ in range(2))
    shown = [rider.get(f"/v1/accounts/{rider.account}/erasure").json()["confirm"] for rider in (one, other)]
    path = f"/v1/accounts/{other.account}/erasure"
    assert is_problem(other.post(path, {"confirm": shown[0]}), 409, "holdings-changed")
    assert other.post(path, {"confirm": shown[1]}).status_code == 201


def test_what_is_held_is_shown_and_settled_by_choice(live, shop):
    person = Person(live, shop)
    before = person.before()
    assert (before["reductions_g"], before["points_g"]) == (400, 400)
    assert [points["quantity_g"] for points in before["points"]] == [400]
    assert before["points"][0]["until"] is not None
    assert (before["refundable_g"], before["consents"], before["locked"]) == (100, 1, [])
    heir = institution(live)
    said = person.erase(reductions="transfer", points="voluntary-cancellation", to=heir.account).json()
    assert [(act["kind"], act["quantity_g"]) for act in said["settled"]] == [("cancel", 400), ("transfer", 400)]
    assert said["erased_at"] is not None
    assert all(balance["quantity_g"] == 0 for balance in said["balances"])
    assert heir.balances()["reduction"] == 400
    certificate = Caller(live.url).get(f"/v1/certificates/{said['settled'][0]['certificate']}").json()
    assert (certificate["holder"], certificate["quantity_g"]) == (None, 400)


def test_forfeited_grams_stay_and_nobody_moves_them(live, shop):
    person = Person(live, shop)
    said = person.erase(reductions="forfeit", points="forfeit").json()
    assert said["settled"] == []
    assert [balance["quantity_g"] for balance in said["balances"]] == [400, 400]
    assert is_problem(person.me.act("conversions", quantity_g=1), 403, "no-role")


NOT_A_CHOICE = {
    "nothing said": ({}, 400, "invalid"),
    "reductions not said": ({"points": "forfeit"}, 400, "invalid"),
    "points not said": ({"reductions": "forfeit"}, 400, "invalid"),
    "transfer to nobody": ({"reductions": "transfer", "points": "forfeit"}, 400, "invalid"),
    "receiver without transfer": ({"reductions": "forfeit", "points": "forfeit", "to": 1}, 400, "invalid"),
    "transfer to itself": ({"reductions": "transfer", "points": "forfeit", "to": None}, 400, "invalid"),
    "points transferred": ({"reductions": "forfeit", "points": "transfer"}, 400, "invalid"),
    "transfer to no account": ({"reductions": "transfer", "points": "forfeit", "to": 2**40}, 404, "not-found"),
    "compliance": ({"reductions": "compliance-offset", "points": "forfeit"}, 400, "invalid"),
    "seen something else": (
        {"confirm": "0" * 64, "reductions": "forfeit", "points": "forfeit"}, 409, "holdings-changed",
    ),
    "seen nothing": ({"confirm": None, "reductions": "forfeit", "points": "forfeit"}, 400, "confirm-missing"),
    "seen no digest": ({"confirm": "yes", "reductions": "forfeit", "points": "forfeit"}, 422, "malformed"),
}  # fmt: skip


def test_without_a_choice_that_settles_all_nothing_is_erased(live, shop):
    person = Person(live, shop)
    for said, (choice, status, code) in NOT_A_CHOICE.items():
        answer = person.erase(**choice)
        assert is_problem(answer, status, code), (said, answer.text)
    assert person.me.balances() == {"reduction": 400, "points": 400}
    assert person.me.get(f"/v1/accounts/{person.account}").json()["name"] == f"Name {person.mark}"


def test_what_changed_since_it_was_shown_is_not_erased(live, shop):
    person = Person(live, shop)
    confirm = person.before()["confirm"]
    live.issue({person.account: 5})
    choice = {"reductions": "donation", "points": "donation"}
    assert is_problem(person.erase(confirm=confirm, **choice), 409, "holdings-changed")
    assert person.me.balances() == {"reduction": 405, "points": 400}
    assert person.erase(**choice).status_code == 201


@pytest.mark.parametrize("purpose", [Purpose.LISTING, Purpose.PLEDGE, Purpose.FREEZE])
def test_locked_grams_are_not_erased_away(live, purpose):
    rider = person_with(live, 30)
    with live.site.database.transaction() as tx:
        lock_grams(tx, live.site.ledger, rider.account, Form.REDUCTION, Amount(10), purpose)
    path = f"/v1/accounts/{rider.account}/erasure"
    shown = rider.get(path).json()
    assert shown["locked"] == [{"form": "reduction", "purpose": purpose.name.lower(), "quantity_g": 10}]
    answer = rider.post(path, {"confirm": shown["confirm"], "reductions": "donation"})
    assert is_problem(answer, 409, "not-settled")
    assert "10 g of reduction" in answer.json()["detail"]
    assert rider.balances() == {"reduction": 30, "points": 0}


def test_an_account_that_holds_nothing_needs_no_choice(live):
    rider = holder(live, live.person("Empty"))
    path = f"/v1/accounts/{rider.account}/erasure"
    shown = rider.get(path).json()
    assert rider.post(path, {"confirm": shown["confirm"]}).status_code == 201
    with live.site.database.reading() as tx:
        assert rider.account not in consented_accounts(tx, live.source.id)
    assert is_problem(rider.get(path), 403, "no-role")


def test_the_command_shows_what_is_held_and_asks(gram, live, shop, monkeypatch):
    person = Person(live, shop)
    monkeypatch.setattr("api.installation.services.running", lambda *_: nullcontext(live.site))
    monkeypatch.setattr("sys.stdin", io.StringIO("forfeit\ndonation\nn\n"))
    code, out, _ = gram("account", "erase", person.account)
    assert code != 0, "asked, the holder said no"
    assert "400 g of reductions and 400 points" in out
    assert "Erase account" in out
    assert person.me.balances() == {"reduction": 400, "points": 400}
    code, _, err = gram("account", "erase", person.account, "--yes", "--points", "donation")
    assert (code, "Say what becomes of 400 g of reductions" in err) == (2, True)
    monkeypatch.setattr("sys.stdin", io.StringIO("forfeit\ndonation\ny\n"))
    code, out, _ = gram("account", "erase", person.account)
    assert (code, f"Account {person.account} is erased." in out) == (0, True)
    assert "cancel: 400 g, certificate GLC-" in out
    with live.site.database.reading() as tx:
        assert [(row.form, row.grams) for row in holdings(tx, person.account)] == [(Form.REDUCTION, 400)]
    monkeypatch.setattr(
        "api.operating.beside.beside", lambda *_: nullcontext(SimpleNamespace(database=lambda: live.site.database))
    )
    code, out, err = gram("account", "show", person.account)
    assert (code, out, "was erased: nothing is shown of it" in err) == (2, "", True)


_COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema NOT IN ('pg_catalog', 'information_schema') {such} ORDER BY 1, 2
"""

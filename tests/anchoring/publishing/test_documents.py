"""What is published of records beside the tiles: all of it, nothing that is withheld, and the same bytes for good."""

import json
import tracemalloc
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from anchoring.errors import Altered, Refuted, Unreachable
from anchoring.moves.record import Move
from anchoring.publishing.epochs import Epochs
from anchoring.publishing.publisher import Publisher
from anchoring.publishing.served import check_served
from anchoring.tree.builder import leaves_of
from anchoring.tree.documents import records_among, served_documents
from anchoring.tree.folder import LogFolder
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import document_path
from api.installation.officers import BUREAU, CENTRE
from registry.database.schema import evidence
from registry.errors import DocumentTooLarge
from registry.evidence.document import Evidence
from registry.evidence.public import MAX_BYTES, MAX_LONG_BYTES, Document, Faulty, Flaw, RecordLeaf, line_of, text_of
from registry.ledger.movement import Kind
from registry.ledger.posting import Facts, Line, begin_act, record, write_lines
from registry.policies.policies import publish_policy
from registry.sources.approval import apply_for
from registry.sources.sources import NewSource
from registry.upkeep.bindings import check_evidence
from registry.upkeep.erasure import erase_account
from registry.upkeep.recovery.aside import judge_again, list_aside
from tests.support.documents import sealed
from tests.support.publishing import LOG, act, documents_of, files_of
from tests.support.scheme import FOUNDED, START


def record_of(scheme, facts, kind=Kind.HOLDER):
    with scheme.database.transaction() as tx:
        return record(tx, scheme.ledger.vault, kind, scheme.clock(), facts)


def document_files(folder: LogFolder) -> dict[str, bytes]:
    return {name: data for name, data in files_of(folder).items() if name.startswith("document/")}


def again(publisher: Publisher, tmp_path) -> LogFolder:
    """The log, written anew from the database."""
    folder = LogFolder(tmp_path / "again")
    Publisher(publisher.transaction, folder, LOG, publisher.cosigners, publisher.clock, publisher.gate).rebuild()
    return folder


def test_every_record_has_its_document_and_no_movement_has_one(scheme, folder, publisher):
    act(scheme)
    size = publisher.publish()
    assert set(document_files(folder)) == {document_path(0, size)}
    found = documents_of(folder)
    said = [(one.leaf.kind, one.values["record"], one.values["decision"]) for one in found]
    assert len(found) == FOUNDED + 2
    assert said[:2] == [(Kind.POLICY, "policy", "propose"), (Kind.POLICY, "policy", "publish")]
    assert said[-3:] == [
        (Kind.SOURCE, "source", "start"),
        (Kind.ISSUANCE, "issuance", "propose"),
        (Kind.ISSUANCE, "issuance", "issue"),
    ]
    assert found[-1].values["accounts"] == "5"


def test_a_tile_without_records_has_no_file(scheme, folder, publisher):
    act(scheme, 600)
    size = publisher.publish()
    assert size > 1024
    assert set(document_files(folder)) == {document_path(0)}
    assert len(documents_of(folder)) == FOUNDED + 2


DECIDED = {"record", "case", "decision", "from", "to", "previous", "at", "actor"}
DISCLOSED = {
    "policy": {"name", "value", "in_force"},
    "methodology": {"code", "version", "class", "kind", "sha256", "status"},
    "source": {"kind", "methodology", "valid_from", "valid_until", "name_zh", "name_en"},
    "issuance": set(),
}
BESIDE = {
    "accept": {"lists"},
    "connect": {"contract_sha256", "devices_sha256"},
    "evaluate": {"opinions"},
    "publish": {"second", "reason"},
    "open_publicity": {"publicity_from", "publicity_until"},
    "review": {"second"},
    "start": {"second", "trial_sha256"},
    "issue": {
        "second", "source", "methodology", "policies", "first_g", "quantity_g", "accounts", "period_from",
        "period_until", "inputs_sha256", "accepted", "refused", "parameters",
    },
}  # fmt: skip


def test_each_field_is_disclosed_or_withheld_as_its_record_declares(scheme, folder, publisher):
    act(scheme)
    publisher.publish()
    for found in documents_of(folder):
        name, decision = found.values["record"], found.values["decision"]
        beside = BESIDE.get(decision, set()) - ({"reason"} if name != "policy" else set())
        beside = beside | ({"definition"} if (name, decision) == ("methodology", "publish") else set())
        beside = beside | ({"lists"} if (name, decision) == ("source", "publish") else set())
        assert set(found.values) == DECIDED | DISCLOSED[name] | beside
        assert set(found.fields) - set(found.values) == ({"applicant_id"} if decision == "apply" else set())


def test_a_lot_shows_whole_days_of_shanghai_and_not_when_somebody_rode(scheme, folder, publisher):
    act(scheme, 1)
    publisher.publish()
    values = documents_of(folder)[-1].values
    assert (values["period_from"], values["period_until"]) == ("2025-10-08T16:00:00.000Z", "2025-10-09T16:00:00.000Z")
    assert values["period_from"] < "2025-10-09T08:53:20.000Z" < values["period_until"]


def test_what_the_program_can_recompute_is_disclosed_with_its_own_salts(scheme, folder, publisher):
    move = Move(0, 1, "0x" + "1" * 40, 2, "0x" + "2" * 40)
    with scheme.database.transaction() as tx:
        sealed = Evidence(move.digest(), move.fields())
        line = Line(move.movement(START), None, None, sealed, public=text_of(sealed.fields, sealed.fields, Kind.MOVE))
        write_lines(tx, scheme.ledger.vault, begin_act(tx, "move", None, START, 0, 1), [line])
    publisher.publish()
    assert documents_of(folder)[-1].fields == move.fields()


def test_a_tile_that_grows_full_keeps_the_lines_it_had(scheme, folder, publisher, tmp_path):
    act(scheme, 3)
    publisher.publish()
    (before,) = document_files(folder).values()
    act(scheme, (256 - FOUNDED - 2 - 6 - 2) // 2)
    assert publisher.publish() == 256
    act(scheme, 1)
    size = publisher.publish()
    files = document_files(folder)
    assert set(files) == {document_path(0), document_path(1, size - 256)}
    assert files[document_path(0)].startswith(before)
    assert all(isinstance(one, Document) for one in documents_of(folder))
    assert files_of(again(publisher, tmp_path)) == files_of(folder)


def test_a_partial_file_that_is_gone_is_read_from_the_full_one(scheme, folder, publisher):
    act(scheme, 3)
    size = publisher.publish()
    records = [one.leaf for one in documents_of(folder)]
    record_of(scheme, Facts({"decision": "refused"}))
    act(scheme, 150)
    publisher.publish()
    assert document_path(0, size) not in document_files(folder)
    source = DirectorySource(folder.path)
    assert [one.leaf for one in served_documents(source, 0, size, records)] == records
    with pytest.raises(Unreachable):
        served_documents(source, 7, 256, records)
    assert list(served_documents(source, 7, 256, [])) == []


class Given:
    """A log that gives one file for every path."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, _path: str, _limit: int) -> bytes:
        return self.data


def test_of_a_large_file_one_document_is_in_memory_at_a_time():
    documents = [sealed({"record": "policy", "value": [[]] * 5_000}, at) for at in range(32)]
    leaves = [RecordLeaf(at, int(Kind.POLICY), document.digest) for at, document in enumerate(documents)]
    texts = (text_of(document.fields, document.fields, Kind.POLICY) for document in documents)
    data = b"".join(line_of(at, text) for at, text in enumerate(texts))
    tracemalloc.start()
    try:
        assert all(isinstance(one, Document) for one in served_documents(Given(data), 0, 256, leaves))
        assert tracemalloc.get_traced_memory()[1] < 4 * len(data)
    finally:
        tracemalloc.stop()


def test_what_a_person_takes_along_was_never_public_and_the_bytes_stay(scheme, folder, publisher, tmp_path):
    person = scheme.person()
    facts = Facts({"decision": "recognised"}, {"claim": "words of a person"}, ("claim",), person)
    record_of(scheme, facts, Kind.HOLDER)
    publisher.publish()
    assert b"words of a person" not in b"".join(files_of(folder).values())
    before = document_files(folder)
    with scheme.database.transaction() as tx:
        erase_account(tx, person, scheme.clock())
        kept = tx.execute(sa.select(evidence.c.fields).where(evidence.c.public.contains("recognised"))).scalar_one()
    assert isinstance(kept["claim"], str)
    assert document_files(again(publisher, tmp_path)) == before
    with scheme.database.transaction() as tx:
        assert list(check_evidence(tx, scheme.ledger.vault)) == []


def test_a_personal_field_cannot_be_declared_as_disclosed():
    for disclosed, withheld in (({"claim": "x"}, {}), ({}, {"other": "x"}), ({"claim": "x"}, {"claim": "x"})):
        with pytest.raises(ValueError, match="a personal one withheld"):
            Facts(disclosed, withheld, ("claim",))


def test_what_is_too_long_to_publish_is_refused_before_it_is_recorded(scheme, folder, publisher):
    year = {"holidays": [], "workdays": []}
    with pytest.raises(DocumentTooLarge, match=str(MAX_BYTES)):
        record_of(scheme, Facts({"decision": "x" * MAX_BYTES}))
    with pytest.raises(DocumentTooLarge, match="policy"), scheme.database.transaction() as tx:
        publish_policy(tx, scheme.ledger, "calendar/2099", year | {"table": "x" * MAX_LONG_BYTES}, 0, BUREAU)
    with scheme.database.transaction() as tx:
        publish_policy(tx, scheme.ledger, "calendar/2099", year | {"table": "x" * 2 * MAX_BYTES}, 0, BUREAU)
    record_of(scheme, Facts({"decision": "short"}, {"file": "x" * MAX_BYTES}))  # of what is withheld only its digest
    publisher.publish()
    found = documents_of(folder)
    assert [len(one.fields) for one in found][FOUNDED:] == [11, 12, 3]
    assert all(isinstance(one, Document) for one in found)


@pytest.mark.usefixtures("scheme")
def test_nothing_changes_what_was_made_for_the_public(owner):
    for public in ("{}", None):
        with pytest.raises(IntegrityError, match="evidence only loses"), owner.transaction() as tx:
            tx.execute(_CHANGE, {"public": public, "of": "source"})


@pytest.fixture
def damaged(owner):
    """Change what the database holds for publication, past its triggers."""

    def change(public: str | None, of: str) -> None:
        with owner.transaction() as tx:
            tx.exec_driver_sql("SET LOCAL session_replication_role = replica")
            tx.execute(_CHANGE, {"public": public, "of": of})

    return change


_CHANGE = sa.text("UPDATE evidence SET public = :public WHERE public LIKE '%' || :of || '%'")


@pytest.mark.parametrize("public", [None, "", "{}", '{"record":["c2FsdHNhbHRzYWx0c2FsdA","source"]}'])
def test_a_record_without_its_document_is_not_logged_and_keeps_nobody_waiting(
    scheme, folder, publisher, damaged, public
):
    act(scheme)
    publisher.publish()
    number = record_of(scheme, Facts({"decision": "a street"})).id
    damaged(public, "a street")
    act(scheme, 1)
    size = publisher.publish()
    with scheme.database.transaction() as tx:
        aside = list_aside(tx)
        assert [one.place for one in check_evidence(tx, scheme.ledger.vault)] == [f"movement {number}"]
    assert [(one.id, one.reason) for one in aside] == [(number, "document")]
    assert len(documents_of(folder)) == FOUNDED + 4
    assert size == FOUNDED + 12 + 4


def test_what_was_put_right_is_logged_after_all(scheme, folder, publisher, damaged):
    record_of(scheme, Facts({"decision": "a street"}))
    with scheme.database.transaction() as tx:
        public = tx.execute(sa.select(evidence.c.public).where(evidence.c.public.contains("a street"))).scalar_one()
    damaged("a street", "a street")
    publisher.publish()
    damaged(public, "a street")
    with scheme.database.transaction() as tx:
        judge_again(tx)
    publisher.publish()
    assert documents_of(folder)[-1].values["decision"] == "a street"


def test_a_document_lost_after_its_leaf_was_staged_is_not_signed_over(scheme, folder, publisher, damaged):
    """What was staged is judged anew after a crash; then the record is set aside."""

    def die(step: str) -> None:
        if step == "staged":
            raise InterruptedError

    record_of(scheme, Facts({"decision": "a street"}))
    with pytest.raises(InterruptedError):
        replace(publisher, on_step=die).publish()
    damaged(None, "a street")
    act(scheme, 1)
    publisher.publish()
    assert [one.values["record"] for one in documents_of(folder)][FOUNDED:] == ["issuance", "issuance"]


def test_a_document_lost_after_it_was_signed_is_told_until_it_is_put_right(scheme, folder, publisher, damaged):
    """Killed between signature and files, the next run makes them from the database, or says what is altered."""

    def die(step: str) -> None:
        if step == "signed":
            raise InterruptedError

    record_of(scheme, Facts({"decision": "a street"}))
    with scheme.database.transaction() as tx:
        public = tx.execute(sa.select(evidence.c.public).where(evidence.c.public.contains("a street"))).scalar_one()
    with pytest.raises(InterruptedError):
        replace(publisher, on_step=die).publish()
    damaged("a street", "a street")
    with pytest.raises(Altered, match=f"The document of the record at leaf {FOUNDED} is gone"):
        publisher.publish()
    damaged(public, "a street")
    publisher.publish()
    assert documents_of(folder)[-1].values["decision"] == "a street"


def flipped(data: bytes) -> bytes:
    return data.replace(b"Test", b"Text")


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        (flipped, Flaw.DIGEST),
        (lambda data: data[:-1], Flaw.CUT),
        (lambda data: data.partition(b"\n")[2], Flaw.MISSING),
        (lambda data: data + data, Flaw.EXCESS),
    ],
    ids=["altered", "cut", "withheld", "twice"],
)
def test_a_file_changed_behind_our_back_stops_publication_and_is_written_anew(scheme, folder, publisher, change, flaw):
    act(scheme, 2)
    size = publisher.publish()
    path = folder.path / document_path(0, size)
    whole = path.read_bytes()
    path.write_bytes(change(whole))
    assert any(isinstance(one, Faulty) and one.flaw == flaw for one in documents_of(folder))
    act(scheme, 1)
    with pytest.raises(Refuted, match=f"was changed after publication: leaf .*{flaw}"):
        publisher.publish()
    with scheme.database.transaction() as tx:
        found = list(check_served(tx, DirectorySource(folder.path), LOG.verifier.vkey, "folder"))
    assert [one.place for one in found] == [f"folder: {document_path(0, size)}"]
    assert ("the first document that differs" in found[0].sentence) != (flaw == Flaw.EXCESS)  # longer is not read
    path.rename(path.with_suffix(".aside"))
    with scheme.database.transaction() as tx:
        (missing,) = check_served(tx, DirectorySource(folder.path), LOG.verifier.vkey, "folder")
    assert "missing" in missing.sentence
    publisher.rebuild()
    assert path.read_bytes() == whole
    publisher.publish()
    assert all(isinstance(one, Document) for one in documents_of(folder))


def test_the_state_stands_there_with_salts_that_anybody_recomputes(scheme, folder, publisher, tmp_path):
    act(scheme)
    made = Epochs(publisher, tmp_path / "maps").make()
    document = documents_of(folder)[-1]
    assert (document.leaf.index, document.leaf.evidence) == (made.size, made.evidence)
    assert document.values["size"] == str(made.size)
    assert set(document.values) == set(document.fields)


def test_names_of_sources_are_published_as_people_wrote_them(scheme, folder, publisher):
    with scheme.database.transaction() as tx:
        window = (START, START + 1)
        of = scheme.source.methodology_code, scheme.source.methodology_version
        new = NewSource("scenario", "共享单车", "“Bikes”\u2028", scheme.source.applicant_id, *of, *window)
        apply_for(tx, scheme.ledger, new, CENTRE.proposing)
    publisher.publish()
    values = documents_of(folder)[-1].values
    assert (values["name_zh"], values["name_en"]) == ("共享单车", "“Bikes”\u2028")
    lines = (folder.path / document_path(0, FOUNDED + 1)).read_bytes().removesuffix(b"\n").split(b"\n")
    assert [json.loads(line)["index"] for line in lines] == list(range(FOUNDED + 1))


def test_a_record_of_an_unknown_version_has_no_document(folder, scheme, publisher):
    act(scheme)
    size = publisher.publish()
    leaves = leaves_of((folder.path / f"tile/entries/000.p/{size}").read_bytes(), size).copy()
    assert len(records_among(leaves, 0)) == FOUNDED + 2
    leaves["version"][0] = 2
    assert [one.index for one in records_among(leaves, 1000)] == list(range(1001, 1000 + FOUNDED + 2))

"""Every status that C2SP tlog-witness names, over HTTP."""

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring import note
from anchoring.checkpoint import open_checkpoint
from anchoring.errors import Malformed
from anchoring.merkle import EMPTY_ROOT
from anchoring.note import ED25519, Signer
from anchoring.witness.protocol import Request, parse_request
from tests.support.synthetic_log import ORIGIN, SIGNER, VKEY, lawful_leaves
from tests.support.witnessing import KEYS, NOW_MS, ORIGIN_HASH, Grown, post, served, signed, witness_in

LEAVES = lawful_leaves(900, cohort=8)
WITNESS_VKEY = KEYS.signer.verifier.vkey


@pytest.fixture
def log(tmp_path):
    return Grown(tmp_path / "log")


@pytest.fixture
def url(tmp_path, log):
    with witness_in(tmp_path / "state", log.folder) as witness, served(witness) as url:
        yield url


def test_200_is_a_cosignature_on_the_checkpoint(log, url):
    first = log.grow(LEAVES[:300])
    answer = post(url, log.request(0, first))
    assert answer.status_code == 200, answer.text
    assert answer.text.startswith("— witness.example/w1 ")
    assert answer.text.endswith("\n")
    cosigned = open_checkpoint(first + answer.content, VKEY, [WITNESS_VKEY])
    assert cosigned.cosignatures == (note.Verified(KEYS.signer.verifier, NOW_MS // 1000),)
    second = log.grow(LEAVES[300:900])
    assert post(url, log.request(300, second)).status_code == 200


def test_the_same_checkpoint_again_is_cosigned_again(log, url):
    first = log.grow(LEAVES[:300])
    post(url, log.request(0, first))
    assert post(url, log.request(300, first)).status_code == 200


def test_the_empty_tree(url):
    assert post(url, Request(0, (), signed(0, EMPTY_ROOT)).encode()).status_code == 200
    assert post(url, Request(0, (), signed(0, bytes(32))).encode()).status_code == 422


def test_409_tells_the_size_last_cosigned(log, url):
    first = log.grow(LEAVES[:300])
    post(url, log.request(0, first))
    second = log.grow(LEAVES[300:])
    answer = post(url, log.request(0, second))
    assert (answer.status_code, answer.content) == (409, b"300\n")
    assert answer.headers["Content-Type"] == "text/x.tlog.size"
    fresh = post(url, log.request(299, second))
    assert (fresh.status_code, fresh.content) == (409, b"300\n")


def test_going_back_is_409(log, url):
    first = log.grow(LEAVES[:300])
    second = log.grow(LEAVES[300:])
    post(url, log.request(0, second))
    answer = post(url, log.request(0, first))
    assert (answer.status_code, answer.content) == (409, b"900\n")


def test_404_for_another_origin(log, url):
    log.grow(LEAVES[:300])
    stranger = Signer("another.example/log", ED25519, SIGNER.seed)
    assert post(url, Request(0, (), signed(300, bytes(32), stranger)).encode()).status_code == 404


def test_403_without_the_logs_signature(url):
    imposter = Signer(ORIGIN, ED25519, bytes(32))
    assert post(url, Request(0, (), signed(300, bytes(32), imposter)).encode()).status_code == 403


def test_403_for_a_signature_by_the_logs_key_that_fails(url):
    text, _, line = signed(300, bytes(32)).rpartition(b"\n\n")
    other = signed(301, bytes(32)).rpartition(b"\n\n")[0]
    assert text != other
    assert post(url, Request(0, (), other + b"\n\n" + line).encode()).status_code == 403


def test_unknown_signatures_are_passed_over(log, url):
    first = log.grow(LEAVES[:300])
    stranger = Signer("stranger.example", ED25519, bytes(32))
    parsed = note.parse(first)
    mixed = note.Note(parsed.text, (stranger.sign(parsed.text), *parsed.signatures)).encode()
    assert post(url, log.request(0, mixed)).status_code == 200


def test_422_for_a_proof_that_does_not_hold(log, url):
    first = log.grow(LEAVES[:300])
    assert post(url, Request(0, (bytes(32),), first).encode()).status_code == 422
    post(url, log.request(0, first))
    second = log.grow(LEAVES[300:])
    assert post(url, Request(300, (bytes(32),) * 5, second).encode()).status_code == 422
    assert post(url, Request(300, (), second).encode()).status_code == 422
    assert post(url, Request(300, (bytes(32),), first).encode()).status_code == 422


NOTE = signed(300, bytes(32))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old 0\n" + NOTE,
        b"old  0\n\n" + NOTE,
        b"old 00\n\n" + NOTE,
        b"old -1\n\n" + NOTE,
        b"old +1\n\n" + NOTE,
        "old ١\n\n".encode() + NOTE,
        b"new 0\n\n" + NOTE,
        b"old 0\r\n\r\n" + NOTE,
        b"old 0\nAAAA\n\n" + NOTE,
        b"old 18446744073709551616\n\n" + NOTE,
        b"old 301\n\n" + NOTE,
        b"old 0\n" + b"A" * 43 + b"=\n" * 64 + b"\n" + NOTE,
        b"old 0\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + NOTE,
        b"old 0\n\n" + NOTE[:-1],
        b"old 0\n\n" + NOTE.replace(b"300", b"0300"),
        b"old 0\n\nno note at all",
    ],
)
def test_400_for_what_is_malformed(url, body):
    assert post(url, body).status_code == 400


@given(st.integers(0, 2**64 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63), st.binary())
def test_a_request_is_read_as_it_was_written(old, proof, signed_note):
    request = Request(old, tuple(proof), signed_note)
    assert parse_request(request.encode()) == request


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_malformed(body):
    try:
        read = parse_request(body)
    except Malformed:
        return
    assert read.encode() == body


def test_the_last_checkpoint_is_served(log, url):
    place = f"{url}/{ORIGIN_HASH}/checkpoint"
    assert httpx2.get(place).status_code == 404
    first = log.grow(LEAVES[:300])
    answer = post(url, log.request(0, first))
    served_note = httpx2.get(place)
    assert served_note.content == first + answer.content
    assert open_checkpoint(served_note.content, VKEY, [WITNESS_VKEY]).checkpoint.size == 300

"""Checkpoints as notes: the three lines, and whose signature is needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring import checkpoint, note
from anchoring.checkpoint import Checkpoint
from anchoring.errors import AnchoringError, Malformed, Refuted
from anchoring.merkle import EMPTY_ROOT
from anchoring.note import COSIGNATURE, ED25519, Note, Signer

LOG = Signer("registry.example/log", ED25519, bytes(range(32)))
WITNESSES = [Signer(f"{who}.example", COSIGNATURE, who.encode().ljust(32)) for who in ("centre", "exchange")]
HEAD = Checkpoint(LOG.name, 20852163, bytes(range(32)))
SIGNED = checkpoint.sign(HEAD, LOG)
ROOT = b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


def test_the_published_example_reads():
    head = checkpoint.parse(b"example.com/behind-the-sofa\n20852163\n" + ROOT + b"\n")
    assert (head.origin, head.size, note.encode_base64(head.root).encode()) == (
        "example.com/behind-the-sofa",
        20852163,
        ROOT,
    )


@given(st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32), st.lists(st.just("more"), max_size=2))
def test_every_checkpoint_comes_back(size, root, extensions):
    head = Checkpoint(LOG.name, size, root, tuple(extensions))
    assert checkpoint.parse(head.encode()) == head
    assert checkpoint.open_checkpoint(checkpoint.sign(head, LOG), LOG.verifier.vkey).checkpoint == head


@given(st.binary(max_size=120))
def test_any_bytes_are_a_checkpoint_or_malformed(data):
    try:
        assert checkpoint.parse(data).encode() == data
    except Malformed:
        with pytest.raises(AnchoringError):
            checkpoint.open_checkpoint(data, LOG.verifier.vkey)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"log\n5\n",
        b"log\n5\n" + ROOT,
        b"log\n05\n" + ROOT + b"\n",
        b"log\n-5\n" + ROOT + b"\n",
        b"log\n+5\n" + ROOT + b"\n",
        b"log\n5 \n" + ROOT + b"\n",
        b"log\n1_0\n" + ROOT + b"\n",
        "log\n５\n".encode() + ROOT + b"\n",
        b"log\n18446744073709551616\n" + ROOT + b"\n",
        b"log\n" + b"9" * 100_000 + b"\n" + ROOT + b"\n",
        b"log\n5\n" + ROOT[:-4] + b"\n",
        b"log\n5\n" + ROOT[:-1] + b"\n",
        b"log\n5\n" + ROOT[:-2] + b"J=\n",
        b"\n5\n" + ROOT + b"\n",
        b"log\n5\n" + ROOT + b"\n\n",
        b"log\n5\n" + ROOT + b"\n\nmore\n",
        b"\xff\n5\n" + ROOT + b"\n",
    ],
    ids=range(18),
)
def test_what_breaks_the_format_is_malformed(text):
    with pytest.raises(Malformed):
        checkpoint.parse(text)


def test_cosignatures_of_known_cosigners_are_given_with_their_times():
    signed = note.parse(SIGNED)
    cosigned = Note(signed.text, (*signed.signatures, *(key.cosign(signed.text, 7) for key in WITNESSES))).encode()
    vkeys = [key.verifier.vkey for key in WITNESSES]
    opened = checkpoint.open_checkpoint(cosigned, LOG.verifier.vkey, vkeys)
    assert [(one.verifier.name, one.timestamp) for one in opened.cosignatures] == [
        ("centre.example", 7),
        ("exchange.example", 7),
    ]
    assert checkpoint.open_checkpoint(cosigned, LOG.verifier.vkey).cosignatures == ()
    assert checkpoint.open_checkpoint(SIGNED, LOG.verifier.vkey, vkeys).cosignatures == ()
    changed = cosigned.replace(b"20852163", b"20852164")
    with pytest.raises(Refuted):
        checkpoint.open_checkpoint(changed, LOG.verifier.vkey, vkeys)


def test_another_key_another_log_and_a_changed_root_are_refuted():
    stranger = Signer(LOG.name, ED25519, bytes(32))
    with pytest.raises(Refuted, match="not signed by the given key"):
        checkpoint.open_checkpoint(SIGNED, stranger.verifier.vkey)
    elsewhere = Signer("elsewhere.example", ED25519, bytes(32))
    with pytest.raises(Refuted, match="of another log"):
        checkpoint.open_checkpoint(SIGNED, elsewhere.verifier.vkey)
    changed = SIGNED.replace(note.encode_base64(HEAD.root).encode(), note.encode_base64(EMPTY_ROOT).encode())
    with pytest.raises(Refuted, match="does not hold"):
        checkpoint.open_checkpoint(changed, LOG.verifier.vkey)


def test_a_key_of_the_wrong_type_is_malformed():
    with pytest.raises(Malformed, match="log's verifier key"):
        checkpoint.open_checkpoint(SIGNED, WITNESSES[0].verifier.vkey)
    with pytest.raises(Malformed, match="cosigner's verifier key"):
        checkpoint.open_checkpoint(SIGNED, LOG.verifier.vkey, [LOG.verifier.vkey])


def test_what_could_not_be_read_back_is_not_written():
    for head in (
        Checkpoint("", 5, bytes(32)),
        Checkpoint("two\nlines", 5, bytes(32)),
        Checkpoint("log", -1, bytes(32)),
        Checkpoint("log", 2**64, bytes(32)),
        Checkpoint("log", 5, bytes(31)),
        Checkpoint("log", 5, bytes(32), ("",)),
        Checkpoint("log", 5, bytes(32), ("a\nb",)),
    ):
        with pytest.raises(ValueError, match=r"checkpoint|number|bits|hash"):
            head.encode()
    with pytest.raises(ValueError, match="does not sign for"):
        checkpoint.sign(Checkpoint("other", 5, bytes(32)), LOG)

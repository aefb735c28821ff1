"""Signed notes: the published example, keys as text, and what a stranger may send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring import note
from anchoring.errors import AnchoringError, Malformed, Refuted
from anchoring.note import COSIGNATURE, ED25519, Note, Signature, Signer

EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()

LOG = Signer("registry.example/log", ED25519, bytes(range(32)))
WITNESS = Signer("centre.example/witness", COSIGNATURE, bytes(range(1, 33)))
TEXT = b"registry.example/log\n5\n\nand more\n"
LINE = LOG.sign(TEXT).line.encode()

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.just("\n"), max_size=60)


def test_the_published_example_verifies_and_no_changed_byte_of_it_does():
    verifier = note.parse_vkey(EXAMPLE_VKEY)
    opened = note.parse(EXAMPLE)
    assert opened.text == b"This is an example message.\n"
    assert note.verify(opened, [verifier]) == (note.Verified(verifier, None),)
    assert opened.encode() == EXAMPLE
    with pytest.raises(Refuted, match=r"example\.com/foo does not hold"):
        note.verify(Note(b"this is an example message.\n", opened.signatures), [verifier])


@given(TEXTS)
def test_any_text_a_note_can_carry_comes_back_signed_and_cosigned(text):
    body = (text + "\n").encode()
    signed = Note(body, (LOG.sign(body), WITNESS.cosign(body, 1_763_683_200)))
    opened = note.parse(signed.encode())
    assert opened == signed
    log, witness = note.verify(opened, [LOG.verifier, WITNESS.verifier])
    assert (log.verifier, log.timestamp) == (LOG.verifier, None)
    assert (witness.verifier, witness.timestamp) == (WITNESS.verifier, 1_763_683_200)


@given(st.binary(max_size=200) | TEXTS.map(str.encode))
def test_any_bytes_are_a_note_or_malformed(data):
    try:
        opened = note.parse(data)
    except Malformed:
        return
    assert opened.encode() == data


@given(st.integers(0, len(EXAMPLE) - 1), st.integers(1, 255))
def test_a_changed_byte_never_passes(at, change):
    data = bytearray(EXAMPLE)
    data[at] ^= change
    try:
        verified = note.verify(note.parse(bytes(data)), [note.parse_vkey(EXAMPLE_VKEY)])
    except AnchoringError:
        return
    # What is left is a changed name or key ID: a signature of somebody unknown.
    assert verified == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        b"text\n\n" + LINE,
        b"text\n" + LINE + b"\n",
        b"te\rxt\n\n" + LINE + b"\n",
        b"te\x00xt\n\n" + LINE + b"\n",
        b"te\xffxt\n\n" + LINE + b"\n",
        b"text\n\n" + LINE.replace(b" ", b"  ") + b"\n",
        b"text\n\n" + LINE + b" \n",
        b"text\n\n" + LINE.replace("— ".encode(), b"- ") + b"\n",
        b"text\n\n" + LINE + b"\n\n",
        b"text\n\n" + "— na+me AAAAAAA=\n".encode(),
        b"text\n\n" + "— na\u3000me AAAAAAA=\n".encode(),
        b"text\n\n" + "— name AAAAAA==\n".encode(),
        b"text\n\n" + "— name AAAAAAB=\n".encode(),
        b"text\n\n" + "— name AAAA_AA=\n".encode(),
        b"text\n\n" + (LINE + b"\n") * 65,
        b"t" * 2**20 + b"\n\n" + LINE + b"\n",
    ],
    ids=range(20),
)
def test_what_breaks_the_format_is_malformed(data):
    with pytest.raises(Malformed):
        note.parse(data)


def test_sixteen_signatures_and_sixty_four_are_read():
    for count in (16, 64):
        assert len(note.parse(b"text\n\n" + (LINE + b"\n") * count).signatures) == count


def test_unknown_keys_are_passed_over_even_under_a_known_name_or_id():
    other = Signer(LOG.name, ED25519, bytes(32))
    same_id = Signature("other.example", LOG.verifier.key_id, bytes(64))
    signed = Note(TEXT, (other.sign(TEXT), same_id, LOG.sign(TEXT)))
    assert [found.verifier for found in note.verify(signed, [LOG.verifier])] == [LOG.verifier]
    assert note.verify(signed, [WITNESS.verifier]) == ()


def test_one_bad_signature_by_a_known_key_refutes_the_note_wherever_it_stands():
    bad = Signature(LOG.name, LOG.verifier.key_id, bytes(64))
    for signatures in [(LOG.sign(TEXT), bad), (bad, LOG.sign(TEXT)), (bad,)]:
        with pytest.raises(Refuted):
            note.verify(Note(TEXT, signatures), [LOG.verifier])
    for payload in (b"\x00", bytes(63), bytes(65), bytes(100)):
        with pytest.raises(Refuted):
            note.verify(Note(TEXT, (Signature(LOG.name, LOG.verifier.key_id, payload),)), [LOG.verifier])


def test_a_cosignature_binds_its_time():
    payload = WITNESS.cosign(TEXT, 7).payload
    for changed in ((8).to_bytes(8), (2**63).to_bytes(8), b"\xff" * 8):
        forged = Signature(WITNESS.name, WITNESS.verifier.key_id, changed + payload[8:])
        with pytest.raises(Refuted):
            note.verify(Note(TEXT, (forged,)), [WITNESS.verifier])
    with pytest.raises(Refuted):
        note.verify(Note(TEXT, (Signature(WITNESS.name, WITNESS.verifier.key_id, b"\x00\x01"),)), [WITNESS.verifier])


def test_a_plain_signature_is_no_cosignature_and_no_key_does_both():
    with pytest.raises(ValueError, match="it cosigns"):
        WITNESS.sign(TEXT)
    with pytest.raises(ValueError, match="does not cosign"):
        LOG.cosign(TEXT, 1)
    for at_s in (-1, 2**63):
        with pytest.raises(ValueError, match="POSIX seconds"):
            WITNESS.cosign(TEXT, at_s)


@pytest.mark.parametrize("key_type", [ED25519, COSIGNATURE])
def test_keys_come_back_from_their_text_and_the_secret_is_never_shown(key_type):
    signer = note.make_signer("centre.example/克账", key_type)
    assert note.parse_signer(signer.secret) == signer
    assert note.parse_vkey(signer.verifier.vkey) == signer.verifier
    assert repr(signer.seed) not in repr(signer)
    assert signer.seed.hex() not in repr(signer)
    assert note.encode_base64(signer.seed)[:-2] not in f"{signer} {signer!r}"


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d90 a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3Q==",
        "example.com/foo+530d903a+",
        "example.com /foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "\ud800+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "a" * 2000 + "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        " " + EXAMPLE_VKEY,
        EXAMPLE_VKEY + "\n",
    ],
    ids=range(16),
)
def test_a_wrong_vkey_is_malformed(vkey):
    with pytest.raises(Malformed):
        note.parse_vkey(vkey)
    with pytest.raises(Malformed):
        note.parse_signer("PRIVATE+KEY+" + vkey)


def test_a_note_that_could_not_be_read_back_is_not_written():
    for text in (b"", b"no newline", b"bell\x07\n"):
        with pytest.raises(Malformed):
            Note(text, (LOG.sign(TEXT),)).encode()
    with pytest.raises(Malformed):
        Note(b"text\n", ()).encode()

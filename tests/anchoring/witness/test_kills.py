"""`kill -9` at every step of a witness, and in the middle of every file: it never signs two histories, and goes on."""

import contextlib
import json
import random
import signal
import subprocess
import time

import httpx2
import pytest

from anchoring.witness.protocol import Request
from tests.support.dying import SMALL, At, asked_in_a_process, die, die_beyond
from tests.support.serving import GRAM
from tests.support.synthetic_log import FIRST_LIFE, LIFE, VKEY, lawful_leaves
from tests.support.unlawful import COHORT, what_its_sibling_took
from tests.support.witnessing import Grown, post, witness_in

LEAVES = lawful_leaves(900, cohort=8)
OTHERS = lawful_leaves(900, seed=1, cohort=8)
HEAD = ["rows", "entry written", "entry", "head.json written", "head.json renamed", "committed"]
PROGRESS = ["fetched", "rows written", "progress rows", "replayed.json written", "replayed.json renamed"]
STEPS = [
    *((step, nth) for nth in (0, 1) for step in PROGRESS),
    ("fetched", 2),
    ("rows written", 2),
    *((step, 0) for step in ("replayed", *HEAD)),
]
"""From 300 leaves to 900 in batches of 256: two are kept as progress, the third is cosigned."""
WITHIN = {
    "rows": ("fetched", 0, 310 * 88 + 50),
    "rows of a later batch": ("fetched", 1, 600 * 88 + 1),
    "replayed.json": ("progress rows", 0, 100),
    "replayed.json again": ("progress rows", 1, 1),
    "cosigned": ("rows", 0, 64 + 20),
    "head.json": ("entry", 0, 100),
}
"""File to be cut off in the middle: from which step on, and at which byte."""


@pytest.fixture
def begun(tmp_path):
    """A log that grew from 300 to 900 leaves, and a witness that cosigned 300 of them."""
    log, state = Grown(tmp_path / "log"), tmp_path / "state"
    with witness_in(state, log.folder) as witness:
        assert witness.add_checkpoint(log.request(0, log.grow(LEAVES[:300]))).status == 200
    return log, state, log.grow(LEAVES[300:])


def test_these_are_the_steps(begun):
    log, state, second = begun
    seen: dict[str, int] = {}
    steps = []

    def note(step: str) -> None:
        steps.append((step, seen.get(step, 0)))
        seen[step] = seen.get(step, 0) + 1

    with witness_in(state, log.folder, note, SMALL) as witness:
        assert witness.add_checkpoint(log.request(300, second)).status == 200
    assert steps == STEPS


@pytest.mark.parametrize(("step", "nth"), STEPS)
def test_kill_9_at_every_step(begun, step, nth):
    log, state, second = begun
    code, answers = asked_in_a_process(state, log.folder, [log.request(300, second)], At(step, nth, die))
    assert (code, answers) == (-signal.SIGKILL, [])
    goes_on(begun, 900 if step in ("head.json renamed", "committed") else 300)


@pytest.mark.parametrize("file", WITHIN)
def test_killed_in_the_middle_of_a_file(begun, file):
    log, state, second = begun
    step, nth, limit = WITHIN[file]
    at = At(step, nth, lambda: die_beyond(limit))
    code, answers = asked_in_a_process(state, log.folder, [log.request(300, second)], at)
    assert (code, answers) == (-signal.SIGXFSZ, [])
    sizes = {path.stat().st_size for path in state.iterdir() if path.is_file()}
    assert limit in sizes
    goes_on(begun, 300)


def goes_on(begun, expected: int) -> None:
    """The witness stands at `expected` leaves, cosigns nothing else, and then the rest."""
    log, state, second = begun
    fork = Grown(state.parent / "fork")
    fork.grow(LEAVES[:300])
    forked = fork.request(300, fork.grow(OTHERS[300:]))
    with witness_in(state, log.folder, batch=SMALL) as witness:
        assert witness.chain_signature(300).status == 200
        assert witness.chain_signature(900).status == (200 if expected == 900 else 404)
        assert witness.add_checkpoint(forked).status == (409 if expected == 900 else 422)
        assert witness.add_checkpoint(Request(1, (), second).encode()).body == b"%d\n" % expected
        assert witness.add_checkpoint(log.request(expected, second)).status == 200
        assert json.loads(witness.chain_signature(900).body)["root"] == log.builder.root().hex()
        assert witness.add_checkpoint(forked).status == 409


@pytest.mark.parametrize(
    ("step", "act"),
    [
        ("rows written", die),
        ("rows written", lambda: die_beyond(1000)),
        ("rule-266-{root}.json written", die),
        ("rule-266-{root}.json renamed", die),
    ],
    ids=["before", "in the middle", "written", "renamed"],
)
def test_killed_while_it_keeps_evidence(tmp_path, step, act):
    """What is kept is whole, and what was cut off is kept the next time."""
    leaves = lawful_leaves(FIRST_LIFE + LIFE * COHORT, cohort=COHORT)
    what_its_sibling_took(leaves)
    log, state = Grown(tmp_path / "log"), tmp_path / "state"
    signed = log.grow(leaves)
    request = log.request(0, signed)
    at = At(step.format(root=log.builder.root().hex()[:16]), 0, act)
    code, answers = asked_in_a_process(state, log.folder, [request], at)
    assert (code, answers) in [(-signal.SIGKILL, []), (-signal.SIGXFSZ, [])]
    with witness_in(state, log.folder) as witness:
        assert witness.add_checkpoint(request).status == 422
    (kept,) = (state / "evidence").glob("*.json")
    said = json.loads(kept.read_text())
    assert said["checkpoint"].encode() == signed
    assert all(one["proven"] for one in said["leaves"])


def test_the_command_is_killed_again_and_again_and_arrives(tmp_path):
    """`gram witness` with a long way to go, killed at moments drawn by chance: each time it goes on."""
    log = Grown(tmp_path / "log")
    signed = log.grow(lawful_leaves(140_000))
    request, size = log.request(0, signed), 140_000
    words = ["--log", log.folder, "--vkey", VKEY, "--state", tmp_path / "state", "--key", tmp_path / "w.key"]
    chance = random.Random(7)
    new = ["--new-key", "w.example/one"]
    for _ in range(2):
        with witnessing([*words, *new]) as (process, url), contextlib.suppress(httpx2.HTTPError):
            killing = time.monotonic() + chance.uniform(0.1, 0.9)
            with httpx2.Client(timeout=httpx2.Timeout(5, read=max(0.05, killing - time.monotonic()))) as client:
                client.post(f"{url}/add-checkpoint", content=request)
            process.kill()
        new = []
    with witnessing(words) as (_, url):
        answer = post(url, request)
        assert answer.status_code == 200 or answer.content == b"%d\n" % size
        assert post(url, log.request(size, signed)).status_code == 200


@contextlib.contextmanager
def witnessing(words):
    command = [GRAM, "witness", *words, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = (line.partition("Listening on ")[2].strip() for line in process.stdout)
            yield process, next(url for url in lines if url)
        finally:
            process.kill()

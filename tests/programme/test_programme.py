"""Some cities; `python -m tests.programme` plays more."""

from collections import Counter

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.programme.machine import Programme
from tests.programme.stage import Stage


@pytest.mark.slow
def test_what_officers_decide_is_what_a_model_says_and_every_breach_is_named(postgres_url, founded):
    class Staged(Programme):
        stage, counts = Stage.lay_out(postgres_url, founded), Counter()

    phases = (Phase.generate,)  # to make a failure shorter takes minutes; the command beside this does
    few = settings(max_examples=6, stateful_step_count=50, deadline=None, derandomize=True, phases=phases)
    run_state_machine_as_test(Staged, settings=few)
    assert set(Staged.counts) >= {
        "ACTOR", "POLICY", "PREVIOUS", "SECOND", "STATE_OF_CASE", "conflict", "decision-refused", "done", "forbidden",
    }, "what never happens is not tested"  # fmt: skip

"""What became of gathered grams, as `gram verify` says it: under which numbers they go on, never that they ended."""

import json
from pathlib import Path

from anchoring.state.verify import verify_state
from api.commands.states import state_json, state_lines

STATE = json.loads((Path(__file__).parents[2] / "vectors" / "state.json").read_text())


def test_gathered_grams_are_said_to_go_on_under_their_bundles_numbers():
    (vector,) = [one for one in STATE["proofs"] if one["asked"] == ["1000100", "1000300"]]
    done = verify_state(vector["proof"].encode(), STATE["keys"][0]["vkey"], asked=(1_000_100, 1_000_300))
    _, *lines = state_lines(done)
    assert [line.partition(", ")[0].strip() for line in lines] == [
        "SHCER-1000100-1000199 (100 g): gathered into SHCER-1009300-1009399",
        "SHCER-1000200-1000299 (100 g): gathered into SHCER-1009000-1009099",
    ]
    assert ", end" not in "".join(lines)
    assert "ended" not in "".join(lines)
    assert [part["gathered_into"] for part in state_json(done)["parts"]] == [
        {"first_g": 1_009_300, "end_g": 1_009_400},
        {"first_g": 1_009_000, "end_g": 1_009_100},
    ]

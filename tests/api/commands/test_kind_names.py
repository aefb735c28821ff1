"""Every kind of leaf has a name wherever people read one, in both languages; a new kind cannot be forgotten."""

import pytest

from api.commands.audit_lines import KIND_LABELS
from api.door.fields import KIND_NAMES
from api.explorer.pages import texts
from registry.ledger.movement import Kind


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name)
def test_each_kind_has_its_name(kind):
    for lang in ("zh", "en"):
        assert texts()[lang][f"kind_{int(kind)}"]
    assert kind in KIND_LABELS
    assert KIND_NAMES[int(kind)] == kind.name.lower()


def test_no_other_number_is_named():
    named = {int(key.removeprefix("kind_")) for key in texts()["en"] if key.removeprefix("kind_").isdecimal()}
    assert named == set(map(int, Kind)) == set(map(int, KIND_LABELS))

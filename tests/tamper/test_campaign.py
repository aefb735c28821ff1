"""Every kind of alteration, several times: each is refused, or found where it is. The campaign alone tries more."""

import pytest

from tests.tamper.campaign import KNOWN_GAPS, run

SEED, COUNT = 20_261_121, 200


@pytest.mark.slow
def test_every_alteration_is_refused_or_found(postgres_url, capsys):
    outcome = run(postgres_url, SEED, COUNT)
    with capsys.disabled():
        print("\n" + "\n".join(outcome.lines()))  # noqa: T201
    assert outcome.missed == []
    assert outcome.total - sum(count["missed"] for count in outcome.counts.values()) >= 450
    assert set(KNOWN_GAPS) <= set(outcome.counts)
    assert outcome.closed == set(), "a known gap is closed: strike it from the list and from docs/threats.md"

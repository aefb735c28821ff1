"""A registry that is convicted, set back or waits says so in health and on every page: what it means, since when."""

import html

import httpx2
import pytest

from api.explorer.pages import texts
from api.installation.condition import NAMES, RECOVERING, Conditions
from api.installation.witnesses import Told, Witnessing
from api.serving.serve import _note_conviction
from registry.clock import rfc3339
from tests.support.rest import Caller

SINCE_MS = 1_790_000_000_000
SINCE = rfc3339(SINCE_MS)


@pytest.fixture
def conditions(tmp_path):
    return Conditions(tmp_path / "conditions.json", Witnessing(tmp_path / "witnesses.json"))


def test_since_when_stays_until_it_ends(conditions):
    conditions.note(RECOVERING, lambda: SINCE_MS, holds=True)
    conditions.note(RECOVERING, lambda: SINCE_MS + 9, holds=True)
    assert [(one.name, one.since_ms) for one in conditions.read()] == [(RECOVERING, SINCE_MS)]
    conditions._witnessing.tell(Told(SINCE_MS + 1, {}, SINCE_MS + 1, "why", SINCE_MS + 1))
    conditions.note("convicted", lambda: SINCE_MS + 2, holds=True)
    assert [one.name for one in conditions.read()] == [*NAMES]
    conditions.note(RECOVERING, lambda: SINCE_MS + 3, holds=False)
    assert [one.name for one in conditions.read()] == ["convicted", "stopped", "waiting", "clock"]


def test_a_damaged_note_is_no_condition(conditions):
    for damaged in (b"", b"{", b"[]", b'{"convicted": "x"}', b'{"what": 1}', b"\xff"):
        conditions._path.write_bytes(damaged)
        assert conditions.read() == []


@pytest.fixture
def noted(live):
    """Note a condition of the running site, and take it back."""
    known = live.site.conditions

    def note(name):
        known.note(name, lambda: SINCE_MS, holds=True)

    yield note
    for name in NAMES:
        known.note(name, lambda: SINCE_MS, holds=False)


@pytest.mark.parametrize("name", ["convicted", "recovering"])
def test_health_and_every_page_say_what_it_means_and_since_when(live, noted, name):
    assert Caller(live.url).get("/v1/health").json()["conditions"] == []
    noted(name)
    health = Caller(live.url).get("/v1/health").json()
    meaning = {lang: said[name] for lang, said in texts().items()}
    assert (health["status"], health["conditions"]) == (name, [{"name": name, "since": SINCE, **meaning}])
    for path in ("/", "/verify", "/how-it-works", "/search?q=nothing", "/nowhere"):
        for lang in ("zh", "en"):
            page = httpx2.get(f"{live.url}{path}", params={"q": "nothing", "lang": lang}, follow_redirects=True).text
            assert meaning[lang] in html.unescape(page), path
            assert f'datetime="{SINCE}"' in page, path


def test_a_contract_that_is_convicted_is_noticed(live, noted, monkeypatch):
    noted("convicted")
    _note_conviction(live.site)
    assert live.site.conditions.read() == []
    head = live.site.client.head()
    monkeypatch.setattr(
        type(live.site.client), "head", lambda _client: type("Head", (), {"broken": True, "size": head.size})
    )
    _note_conviction(live.site)
    assert [one.name for one in live.site.conditions.read()] == ["convicted"]

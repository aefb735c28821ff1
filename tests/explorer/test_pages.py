"""Templates, labels and how numbers and times are written for people."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.explorer import pages
from api.installation.condition import NAMES
from api.texts import LANGUAGES, texts
from registry.procedure.decision import KINDS, Record
from tests.support import page_samples as samples

TEMPLATES = sorted(samples.CONTEXTS)
VOID = {"meta", "link", "img", "input", "br"}


class Outline(HTMLParser):
    """What a page is made of: ids, links, labels, and whether every element that opens also closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def all(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]


def rendered(template: str, lang: str, **changes: Any) -> str:
    context = samples.EVERYWHERE | samples.CONTEXTS[template] | changes
    return pages.render(template, lang=lang, path="/x?a=1", now_ms=samples.NOW_MS, **context)


def outline(html: str) -> Outline:
    parsed = Outline()
    parsed.feed(html)
    return parsed


def test_every_template_has_a_sample() -> None:
    frames = {"base.html", "parts.html"}
    assert {path.name for path in (pages.ROOM / "templates").glob("*.html")} - frames == set(TEMPLATES)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_pages_are_well_formed_and_escape_what_they_show(template: str, lang: str) -> None:
    html = rendered(template, lang)
    page = outline(html)
    assert (page.open, page.faults) == ([], [])
    assert "<script>alert" not in html
    assert not [attrs for _, attrs in page.tags for name in attrs if name.startswith("on") or name == "style"]
    assert [tag for tag, _ in page.tags].count("h1") == 1
    assert all(attrs.get("src", "").startswith("/static/") for tag, attrs in page.tags if tag in {"script", "img"})


@pytest.mark.parametrize("template", TEMPLATES)
def test_ids_are_unique_and_fields_are_labelled(template: str) -> None:
    page = outline(rendered(template, "zh"))
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    assert set(page.all("for")) | set(page.all("aria-labelledby")) <= set(ids)
    fields = [attrs for tag, attrs in page.tags if tag in {"input", "textarea"} and attrs.get("type") != "hidden"]
    assert {attrs["id"] for attrs in fields} <= set(page.all("for"))


@pytest.mark.parametrize("template", TEMPLATES)
def test_links_keep_the_language(template: str) -> None:
    links = [link for link in outline(rendered(template, "en")).all("href") if link.startswith("/")]
    pages_of_ours = [link for link in links if not link.startswith(("/static/", "/v1/", "/openapi.json"))]
    marked = {link for link in pages_of_ours if "lang=en" in link}
    assert set(pages_of_ours) - marked == {"/x?a=1"}  # the link to the other language


def test_every_static_file_named_is_there() -> None:
    symbols = set(re.findall(r'symbol id="(\w+)"', (pages.STATIC / "icons.svg").read_text(encoding="utf-8")))
    named = {link for name in TEMPLATES for link in outline(rendered(name, "zh")).all("href") if "/static/" in link}
    for link in named:
        file, _, fragment = link.removeprefix("/static/").partition("#")
        assert (pages.STATIC / file).is_file()
        assert not fragment or fragment in symbols


def test_what_was_not_asked_for_is_not_shown_as_what_could_not_be_checked() -> None:
    script = (pages.STATIC / "js" / "verify-page.js").read_text(encoding="utf-8")
    style = (pages.STATIC / "css" / "parts.css").read_text(encoding="utf-8")
    icons = dict(
        re.findall(
            r'"?([\w-]+)"?: "(\w+)"', script[script.index("ICONS =") : script.index("};", script.index("ICONS ="))]
        )
    )
    colours = dict(re.findall(r"\.outcome-([\w-]+) \{ color: var\(--(\w+)\)", style))
    for shown in (icons, colours):
        assert shown["not-asked"] not in {shown[other] for other in ("ok", "failed", "not-checked")}
    assert set(icons.values()) <= set(re.findall(r'symbol id="(\w+)"', (pages.STATIC / "icons.svg").read_text()))


def test_empty_registry_says_so() -> None:
    nothing = {"issued_g": 0, "reduction_g": 0, "points_g": 0, "ended_g": {}}
    html = rendered("home.html", "en", totals=nothing, movements=[], checkpoint=None, anchor=None)
    for key in ("home_nothing", "home_no_acts", "home_no_checkpoint", "home_no_anchor"):
        assert texts()["en"][key] in html


def test_a_certificate_is_a_claim_until_all_it_stands_for_is_logged() -> None:
    claimed, proven, wait = (texts()["en"][key] for key in ("label_claimed", "label_proven", "certificate_not_yet"))
    for is_logged, mark, other in ((False, claimed, proven), (True, proven, claimed)):
        certificate = samples.CERTIFICATE | {"is_logged": is_logged, "holder": None}
        page = rendered("certificate.html", "en", certificate=certificate, movements=[])
        quantity = page.split('class="certificate-quantity"')[1].split("</p>")[0]
        assert (mark in quantity, other in quantity, wait in page) == (True, False, not is_logged)


def test_a_record_moves_no_grams_and_has_no_steps_before_or_after() -> None:
    record = samples.movement(72, quantity_g=0, form=0, flags=0, purpose=0, parent_index=None)
    issue = samples.movement(1, parent_index=None)
    shown = [rendered("leaf.html", "en", movement=movement, children=[]) for movement in (record, issue)]
    for key in ("movement_no_parent", "movement_children", "movement_no_children"):
        assert [texts()["en"][key] in page for page in shown] == [False, True]
    for word, page in zip(("Record", "Movement"), shown, strict=True):
        assert f'"eyebrow">{word}<' in page
    assert "Ended" not in shown[0], "a record has no form that grams could have"


def test_what_was_gathered_stands_after_what_ended_and_has_its_own_part_of_the_bar() -> None:
    totals = {"issued_g": 1000, "reduction_g": 0, "points_g": 900, "ended_g": {"18": 40}, "gathered_g": 60}
    lot = samples.LOT | {"activities": 1}
    html = rendered("lot.html", "en", lot=lot, totals=totals, movements=[], next_cursor=None, procedure=[])
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">(?:<svg.*?</svg> )?([^<]+)</th>", html.split('class="totals"')[1])
    assert rows == ["Reductions", "Points", "Ended", "Donation", "Gathered into bundles", "Issued in all"]
    widths = dict(re.findall(r'<rect class="bar-([a-z]+)" x="0" y="0" width="(\d+)"', html))
    assert widths == {"gathered": "1000", "ended": "940", "points": "900", "reduction": "0"}


def test_labels_are_all_used_and_speak_both_languages() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (pages.ROOM / "templates").glob("*.html"))
    sources += (pages.ROOM / "pages.py").read_text(encoding="utf-8")
    built = (
        "kind_",
        "say_",
        "says_",
        "form_",
        "purpose_",
        "source_kind_",
        "source_rural_",
        "sharer_",
        "held_",
        "flag_",
        "state_",
        "label_",
        "how_",
        "case_",
        "authority_",
        "stance_",
        "thing_",
        "block_live_",
        "ago_",
        "in_",
    )
    zh, en = (texts()[lang] for lang in LANGUAGES)
    for key in zh:
        assert key.startswith((*built, *NAMES, "standin")) or f"t.{key}" in sources, key
        assert zh[key]
        assert en[key]
        assert set(re.findall(r"\{\w+\}", zh[key])) == set(re.findall(r"\{\w+\}", en[key])), key


@given(st.integers(0, 2**64))
def test_quantities_are_exact(quantity_g: int) -> None:
    assert int(pages.grams(quantity_g).replace(pages.THIN_SPACE, "")) == quantity_g
    whole, decimals = pages.tonnes(quantity_g).replace(pages.THIN_SPACE, "").split(".")
    assert len(decimals) == 6
    assert int(whole + decimals) == quantity_g


@given(st.lists(st.integers(0, 2**63), max_size=9), st.integers(0, 2**63))
def test_shares_add_up_as_their_parts_do(parts: list[int], rest: int) -> None:
    whole = sum(parts) + rest
    shown = pages.permille([*parts, rest], whole)
    assert sum(shown) == (1000 if whole else 0)
    for part, thousandths in zip([*parts, rest], shown, strict=True):
        assert abs(thousandths - (part * 1000 / whole if whole else 0)) < 1.001
        assert (pages.share(thousandths, part, whole) == "0.0 %") == (part == 0)
        assert (pages.share(thousandths, part, whole) == "100.0 %") == (part == whole > 0)


def test_one_gram_of_many_is_not_nothing_on_the_page() -> None:
    ended = {"16": 1, "18": 5_148}
    totals = {
        "issued_g": 55_960,
        "reduction_g": 5_061,
        "points_g": 45_750,
        "ended_g": ended,
        "gathered_g": 0,
    }
    html = rendered("home.html", "en", totals=totals, movements=[], checkpoint=None, anchor=None)
    shares = re.findall(r'<td class="number">([<>&;a-z]* ?[0-9.]+ %)</td>', html)
    assert shares == ["9.0 %", "81.8 %", "9.2 %", "&lt; 0.1 %", "9.2 %", "100.0 %"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "just now"), (59, "just now"), (60, "1 min ago"), (7199, "1 h ago"), (172_800, "2 d ago"), (-3600, "in 1 h")],
)
def test_relative_time(seconds: int, expected: str) -> None:
    html = rendered("leaf.html", "en", movement=samples.movement(1, at="2026-11-21T02:00:00Z"), children=[])
    assert "2026-11-21 10:00:00 (UTC+8)" in html
    at_ms = samples.NOW_MS
    page = pages.render(
        "leaf.html",
        lang="en",
        path="/x",
        now_ms=at_ms + seconds * 1000,
        **samples.EVERYWHERE,
        movement=samples.movement(1, at=datetime.fromtimestamp(at_ms // 1000, UTC).isoformat()),
        document_url=None,
        case=None,
        children=[],
        next_cursor=None,
    )
    assert f'<span class="relative">{expected}</span>' in page


def test_unknown_language_is_chinese() -> None:
    assert [pages.language(asked) for asked in (None, "en", "zh", "xx", "")] == ["zh", "en", "zh", "zh", "zh"]


@pytest.mark.parametrize("record", Record)
def test_a_case_of_every_record_is_shown_in_words(record: Record) -> None:
    """A record that is new has words here too: without them its page was a defect."""
    case = samples.CONTEXTS["case.html"]["case"] | {"record": str(record)}
    kind = next(number for number, one in KINDS.items() if one is record)
    for lang in LANGUAGES:
        words = texts()[lang]
        assert words[f"case_{record}"] in rendered("case.html", lang, case=case)
        assert f"kind_{kind}" in words

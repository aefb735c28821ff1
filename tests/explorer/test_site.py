"""The pages over HTTP: where they are, what they answer, and where the search box leads."""

import html
import json
import re
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from api.explorer import pages, search
from api.explorer.answers import notices
from api.serving.app import create
from api.texts import texts
from registry.database.engine import Database
from registry.ledger.ledger import Amount
from registry.ledger.logged import MAX_LIFE
from registry.ledger.movement import serial
from registry.points.points import convert, redeem, refund
from tests.support.running import Live
from tests.support.story import Story


@pytest.fixture(scope="module")
def web(live: Live) -> Any:
    with httpx2.Client(base_url=live.url) as client:
        yield client


def paths_of(story: Story) -> list[str]:
    first, last = story.cancelled
    return [
        "/",
        f"/blocks/SHCER-{first}-{last - 1}",
        f"/leaves/{story.cancel}",
        f"/certificates/{story.certificate}",
        f"/lots/{story.lot}",
        "/cases/P-1",
        "/policies",
        "/verify",
        "/how-it-works",
        "/docs",
    ]


def test_every_page_answers_in_both_languages_with_its_headers(web: httpx2.Client, story: Story) -> None:
    for path in paths_of(story):
        for lang, mark in (("zh", '<html lang="zh-Hans">'), ("en", '<html lang="en">')):
            answer = web.get(path, params={"lang": lang})
            assert answer.status_code == 200, path
            assert mark in answer.text
            wanted = pages.content_security_policy(any_chain=path == "/verify")
            assert answer.headers["content-security-policy"] == wanted
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "public, max-age=2"
            assert texts()[lang]["standin"] in answer.text


def test_head_answers_as_get_does_without_a_body(web: httpx2.Client, story: Story) -> None:
    for path in [*paths_of(story), "/leaves/999999"]:
        head, get = web.head(path), web.get(path)
        assert (head.status_code, head.text) == (get.status_code, "")
        assert head.headers["content-type"] == get.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing-here",
        "/leaves/999999",
        "/leaves/-1",
        "/leaves/٣",
        "/leaves/99999999999999999999",
        "/leaves/9223372036854775808",
        "/movements/1",
        "/lots/none",
        "/cases/P-999999",
        "/blocks/SHCER-9-3",
        "/blocks/SHCER-007-8",
        "/blocks/SHCER-8000000000000000000-9999999999999999999",
        "/certificates/GLC-20261121-2222222222",
        "/certificates/%00",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(web: httpx2.Client, path: str, story: Story) -> None:
    assert story.lot
    answer = web.get(path, params={"lang": "en"})
    assert answer.status_code == 404
    assert texts()["en"]["not_found_title"] in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "content-security-policy" in answer.headers


def test_a_records_page_leads_to_its_public_document(web: httpx2.Client, story: Story) -> None:
    address = re.search(r'href="(/log/document/[^"]+)"', web.get("/leaves/0").text)
    assert address
    lines = [json.loads(line) for line in web.get(address[1]).text.splitlines()]
    assert lines[0]["index"] == 0
    assert "/log/document" not in web.get(f"/leaves/{story.cancel}").text


@pytest.mark.parametrize("path", ["/v1/nothing-here", "/v1/leaves/999999999", "/log/tile/0/999", "/log/x"])
def test_programs_keep_their_problem_documents(web: httpx2.Client, path: str) -> None:
    answer = web.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_or_cursor_is_said_to_a_person(web: httpx2.Client, story: Story) -> None:
    assert web.post("/").status_code == 405
    answer = web.get(f"/lots/{story.lot}", params={"cursor": "x", "lang": "en"})
    assert answer.status_code == 400
    assert texts()["en"]["problem_title"] in answer.text
    assert texts()["en"]["problem_yours"] in answer.text
    assert "The cursor is not one that this registry gave." in answer.text


def test_no_page_links_to_another_host(web: httpx2.Client, live: Live) -> None:
    html = web.get(f"{live.url}//elsewhere.example/x").text
    links = re.findall(r'href="([^"]*)"', html)
    assert any("elsewhere.example" in link for link in links)
    assert not [link for link in links if link.startswith("//")]


def wide(number: int) -> str:
    """Digits as a Chinese keyboard may write them."""
    return str(number).translate({ord("0") + digit: ord("０") + digit for digit in range(10)})


def test_search_leads_to_each_kind_of_thing(web: httpx2.Client, story: Story) -> None:
    first, last = story.cancelled
    block = f"/blocks/SHCER-{first}-{last - 1}"
    gram = first + 1_000
    leads = {
        f"{gram}": f"{block}?gram={gram}",
        f" {gram:,} ": f"{block}?gram={gram}",
        pages.grams(gram): f"{block}?gram={gram}",
        f"SHCER-{first}-{last - 1}": block,
        f"shcer-{first}-{last - 1}": block,
        f"SHCER-{story.first}-{story.first + 2_999_999}": f"/lots/{story.lot}",
        story.certificate: f"/certificates/{story.certificate}",
        story.certificate.lower(): f"/certificates/{story.certificate}",
        f"#{story.convert}": f"/leaves/{story.convert}",
        f"＃{story.convert}": f"/leaves/{story.convert}",
        f"＃ {wide(story.convert)}": f"/leaves/{story.convert}",
        wide(gram): f"{block}?gram={gram}",
        f" shcer－{wide(first)} – {wide(last - 1)} ": block,
        f"SHCER\N{NON-BREAKING HYPHEN}{first}\N{MINUS SIGN}{last - 1}\N{ZERO WIDTH SPACE}": block,
        f"  {story.certificate.lower().replace('-', ' - ')} ": f"/certificates/{story.certificate}",
        "p-1": "/cases/P-1",
        "  ": "/",
    }
    for query, path in leads.items():
        answer = web.get("/search", params={"q": query})
        assert (answer.status_code, answer.headers["location"]) == (303, path), query
        english = web.get("/search", params={"q": query, "lang": "en"}).headers["location"]
        assert english.endswith("lang=en")
        assert web.get(english).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/search?q=nothing", 404)], ids=["home", "where nothing was found"]
)
def test_every_example_of_the_search_box_is_found(web: httpx2.Client, path: str, status: int, story: Story) -> None:
    assert story.lot
    page = web.get(path)
    examples = re.findall(r'<a class="code" href="(/search[?]q=[^"]+)">([^<]+)</a>', page.text)
    assert page.status_code == status
    assert [name.startswith(mark) for (_, name), mark in zip(examples, ("", "SHCER-", "#"), strict=True)] == [True] * 3
    for link, name in examples:
        assert web.get(link).status_code == 303, name
        assert web.get(web.get(link).headers["location"]).status_code == 200, name


def test_an_empty_registry_has_no_examples(database: Database) -> None:
    with database.transaction() as tx:
        assert search.examples(tx) == []


@pytest.mark.parametrize(
    "query", ["zzz", "-1", "#999999", "SHCER-1-0", "9" * 19, "9" * 20, "GLC-1", "<script>", "1" * 500]
)
def test_search_says_when_nothing_goes_by_a_name(web: httpx2.Client, query: str) -> None:
    answer = web.get("/search", params={"q": query, "lang": "en"})
    assert answer.status_code == 404
    assert "Nothing goes by" in answer.text
    assert "<script>" not in answer.text


def test_the_serial_of_a_part_of_a_block_tells_what_became_of_it(web: httpx2.Client, story: Story, live: Live) -> None:
    """Serials stay links for good: of blocks that have split, of what was left of them, of issues."""
    rider = live.person()
    lot = live.issue({rider: 50})
    live.publish()
    with live.site.database.transaction() as tx:
        late = convert(tx, live.site.ledger, rider, Amount(10)).movements[0].movement
    page = web.get(f"/blocks/{serial(lot.first, lot.last)}?lang=en").text
    assert "Now reductions" in page
    assert serial(late.first, late.last) not in page, "what is not logged yet"
    before = f"SHCER-{story.first}-{story.first + 1_999_999}"
    labels = texts()["en"]
    page = web.get(f"/blocks/{before}?lang=en").text
    assert labels["block_after"] in page
    assert f"/leaves/{story.convert}?lang=en" in page
    assert "Now reductions" not in page


def test_what_became_of_a_block_is_read_on_to_the_end(web: httpx2.Client, live: Live) -> None:
    rider = live.person()
    lot = live.issue({rider: 500})
    done = []
    for gram in range(lot.first, lot.last, 2):
        with live.site.database.transaction() as tx:
            done.append(convert(tx, live.site.ledger, rider, Amount(1, gram)).movements[0].id)
    live.publish()
    wanted = {f"/leaves/{live.index(number)}?lang=en" for number in done}
    for path in (f"/leaves/{live.index(lot.movements[0].id)}", f"/blocks/SHCER-{lot.first}-{lot.last - 1}"):
        found, following, pages_read = set(), [f"{path}?lang=en"], 0
        while following and pages_read < 3:
            page = web.get(following[0]).text
            found |= set(re.findall(r'"(/leaves/[0-9]+[?]lang=en)"', page)) & wanted
            following = re.findall(r'class="button quiet" href="([^"]*cursor=[^"]*)"', page.replace("&amp;", "&"))
            pages_read += 1
            assert "Now reductions" not in page
        assert (found, pages_read) == (wanted, 2)


def test_a_life_too_long_for_a_page_says_how_much_is_left_out(web: httpx2.Client, live: Live) -> None:
    rider, shop = live.person(), live.institution()
    lot = live.issue({rider: 2})
    with live.site.database.transaction() as tx:
        convert(tx, live.site.ledger, rider, Amount(1))
        for _ in range(MAX_LIFE // 2 + 5):
            spent = redeem(tx, live.site.ledger, rider, shop, 1)
            refund(tx, live.site.ledger, shop, spent.act_id, Amount(1))
    live.publish()
    page = web.get(f"/blocks/SHCER-{lot.first}-{lot.first}?lang=en").text
    assert page.count('class="life-dot"') == MAX_LIFE
    assert texts()["en"]["block_earlier"].format(n=12) in page


def test_no_command_has_a_key_of_this_site(web: httpx2.Client, story: Story) -> None:
    about = web.get("/v1/about").json()
    own = [about["log"]["vkey"], about["chain"]["contract"], *(one["cosigner_vkey"] for one in about["signers"])]
    for path in (f"/leaves/{story.cancel}", "/verify", "/how-it-works"):
        page = html.unescape(web.get(path, params={"lang": "en"}).text)
        commands = re.findall(r"<pre.*?</pre>", page, re.DOTALL)
        assert commands, path
        assert not [key for command in commands for key in own if key in command], path
        assert page.count(texts()["en"]["command_elsewhere"]) == len(commands)
        assert own[0] in page, path  # to compare


def test_a_certificate_names_an_institution_and_never_a_person(web: httpx2.Client, live: Live, story: Story) -> None:
    assert "绿色出行有限公司" in web.get(f"/certificates/{story.certificate}").text
    person = live.person("Somebody Private")
    live.issue({person: 10})
    token = {"Authorization": f"Bearer {live.token('holder', person)}", "Idempotency-Key": "private-1"}
    body = {"quantity_g": 10, "purpose": "voluntary-cancellation", "statement": "For the river"}
    number = web.post(f"/v1/accounts/{person}/cancellations", json=body, headers=token).json()["certificate"]
    page = web.get(f"/certificates/{number}").text
    words = re.search(r"<dd>For the river (.*?)</dd>", page)
    assert words is not None
    assert texts()["zh"]["label_holder"] in words[1]
    assert texts()["zh"]["certificate_words"] in page
    assert "Somebody Private" not in page


def test_a_database_that_is_down_is_said_to_a_person(live: Live) -> None:
    nowhere = replace(live.site.where, database_url="postgresql://postgres@127.0.0.1:9/none")
    with TestClient(create(replace(live.site, where=nowhere))) as web:
        answer = web.get("/", params={"lang": "en"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert texts()["en"]["problem_ours"] in answer.text
        assert "The database does not answer now." in answer.text
        assert web.get("/how-it-works").status_code == 200
        assert web.get("/v1/totals").headers["content-type"] == "application/problem+json"


def test_stand_ins_are_announced_and_only_they(live: Live) -> None:
    real = replace(live.site.where, embedded_chain=False)
    production = live.site.settings.model_copy(update={"environment": "production"})
    assert notices(live.site) == [("standin", None)]
    assert notices(replace(live.site, where=real)) == [("standin", None)]
    assert notices(replace(live.site, settings=production)) == [("standin", None)]
    assert notices(replace(live.site, where=real, settings=production)) == []


def test_queries_are_written_as_we_write_names() -> None:
    assert search.normal(" ｓｈｃｅｒ－1－2 ") == "SHCER-1-2"
    assert search.normal("1\N{NARROW NO-BREAK SPACE}234,567") == "1234567"
    assert len(search.normal("9" * 10_000)) == search.MAX_QUERY

"""The pages in Chromium, on a registry that runs: what a visitor sees, does, and never has to trust."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, Route, expect
from pypdf import PdfReader

from api.explorer import pages
from registry.consumption.cancel import Intent, cancel
from registry.ledger.ledger import Amount
from registry.points.points import convert, redeem
from tests.support import page_samples as samples
from tests.support.browsing import DESK, PHONE, STEPS, Visit, choose, drop, flipped, outcomes
from tests.support.running import Live
from tests.support.story import Story

AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
LONG = "W" * 120
ADDRESS = "https://example.org/" + "report-of-the-year/" * 9


@pytest.fixture
def wordy(live: Live) -> str:
    """A certificate with words that no line can hold."""
    rider, shop = live.person(), live.institution(LONG)
    live.issue({rider: 3})
    with live.site.database.transaction() as tx:
        convert(tx, live.site.ledger, rider, Amount(3))
        redeem(tx, live.site.ledger, rider, shop, 3)
        done = cancel(tx, live.site.ledger, shop, Amount(3), Intent("points", "donation", LONG, ADDRESS))
    live.publish()
    return done.certificate


def test_home_shows_where_the_grams_are(visit: Visit) -> None:
    page = visit.open("/")
    totals = httpx2.get(f"{visit.url}/v1/totals").json()
    table = page.locator("table.totals")
    for name, key in (("Reductions", "reduction_g"), ("Points", "points_g"), ("Issued in all", "issued_g")):
        row = table.locator("tr", has=page.get_by_role("rowheader", name=name, exact=True))
        expect(row.locator("td").first).to_have_text(pages.grams(totals[key]))
    ended = table.locator("tr", has=page.get_by_role("rowheader", name="Voluntary offset", exact=True))
    expect(ended.locator("td").first).to_have_text(pages.grams(totals["ended_g"]["voluntary-offset"]))
    for who in ("Centre", "Exchange", "Bureau"):
        expect(page.get_by_text(f"Verified by {who}")).to_be_visible()
    expect(page.locator("section", has=page.locator("h2#anchor")).get_by_text("Final")).to_be_visible()


def test_a_gram_is_found_and_its_life_told_to_the_byte(visit: Visit, story: Story) -> None:
    page = visit.open("/")
    gram = story.cancelled[0] + 7
    page.get_by_label("Gram number, serial, certificate, case or leaf").fill(str(gram))
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The life of a block")
    expect(page.get_by_text(f"Gram {pages.grams(gram)} is in this block.")).to_be_visible()
    steps = page.locator("ol.life > li h3 a").all_text_contents()
    assert steps == ["Bundle", "Transfer", "Cancel"], "what its grams were before stands on the bundle's page"
    last = page.locator("ol.life > li").last
    last.get_by_text("The leaf, byte by byte").click()
    leaf = httpx2.get(f"{visit.url}/v1/leaves/{story.cancel}").json()["leaf"]
    assert "".join(last.locator("table.leaf td.hex").all_text_contents()) == leaf
    expect(last.locator("table.leaf")).to_contain_text("Voluntary offset")


def test_a_certificate_leads_to_the_proof(visit: Visit, story: Story) -> None:
    page = visit.open("/")
    page.get_by_role("searchbox").fill(story.certificate)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Certificate of cancellation")
    expect(page.locator(".certificate-quantity")).to_contain_text("0.650000 tCO₂e")
    expect(page.get_by_text("绿色出行有限公司")).to_be_visible()
    expect(page.get_by_text(f"{visit.url}/certificates/{story.certificate}")).to_be_visible()
    page.locator(".certificate").get_by_role("link", name="Verify in this browser").click()
    assert outcomes(page) == dict.fromkeys(STEPS, "ok")


@pytest.mark.parametrize(("lang", "verdict"), [("zh", "每一步都成立"), ("en", "Every step holds")])
def test_a_receipt_is_verified_in_the_browser_up_to_the_chain(
    visit: Visit, story: Story, lang: str, verdict: str
) -> None:
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    receipt = httpx2.get(f"{visit.url}/v1/leaves/{story.cancel}/receipt").text
    page = visit.open("/verify", lang)
    assert choose(page, receipt) == dict.fromkeys(STEPS, "ok")
    expect(page.locator(".verdict")).to_contain_text(verdict)
    expect(page.locator("#result")).to_contain_text(f"SHCER-{story.cancelled[0]}-{story.cancelled[1] - 1}")
    assert f"{visit.url}/chain" in asked
    assert not [url for url in asked if "/v1/leaves" in url]


def test_a_tampered_receipt_is_refuted_where_it_was_tampered_with(visit: Visit, story: Story) -> None:
    receipt = httpx2.get(f"{visit.url}/v1/leaves/{story.cancel}/receipt").text
    head, note = receipt.split("\n\n", 1)
    lines = head.split("\n")
    other_leaf = lines[1].split(" ")[0] + " " + flipped(lines[1].split(" ")[1])
    signature = re.search(r"\n\n— \S+ (\S+)\n", note)
    assert signature is not None
    tampered = {
        "inclusion": receipt.replace(lines[1], other_leaf),
        "checkpoint": receipt.replace(signature[1], flipped(signature[1])),
        "receipt": receipt.replace("tlog-proof@v1", "tlog-proof@v2"),
    }
    for step, text in tampered.items():
        page = visit.open("/verify")
        found = choose(page, text)
        assert [name for name, outcome in found.items() if outcome == "failed"] == [step]
        verdict = page.locator("#result").get_attribute("data-verdict")
        assert verdict == ("unreadable" if step == "receipt" else "refuted")


def test_a_step_that_could_not_be_done_never_counts_as_done(visit: Visit, story: Story) -> None:
    receipt = httpx2.get(f"{visit.url}/v1/leaves/{story.cancel}/receipt").text
    page = visit.open("/verify")
    page.get_by_text("The keys and the chain you trust").click()
    page.get_by_label("Contract address").fill("0x" + "12" * 20)
    found = choose(page, receipt)
    assert found.pop("anchor") == "not-checked"
    assert set(found.values()) == {"ok"}
    assert page.locator("#result").get_attribute("data-verdict") == "unchecked"


def held_back(page: Page, pattern: str) -> list[Route]:
    """Hold back what the page asks for under these addresses, and collect it."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(pattern, hold)
    return held


def let_go(page: Page, held: list[Route]) -> None:
    while not held:
        page.wait_for_timeout(50)
    for route in held:
        with page.expect_response(route.request.url):
            route.continue_()
    page.wait_for_timeout(300)


@pytest.fixture
def receipts(visit: Visit, story: Story, tmp_path: Path) -> tuple[Path, Path]:
    """A receipt that is true, and one with an altered leaf."""
    true, false = tmp_path / "true.tlog-proof", tmp_path / "false.tlog-proof"
    receipt = httpx2.get(f"{visit.url}/v1/leaves/{story.cancel}/receipt").text
    line = receipt.split("\n")[1]
    true.write_text(receipt)
    false.write_text(receipt.replace(line, f"{line.split(' ')[0]} {flipped(line.split(' ')[1])}"))
    return true, false


def said_instead(page: Page, name: str, sentence: str) -> None:
    expect(page.locator("#result .chosen bdi")).to_have_text(name)
    expect(page.locator("#result")).to_contain_text(sentence)
    expect(page.locator("#result[data-verdict]")).to_have_count(0)
    expect(page.locator("#result .verdict")).to_have_count(0)


def test_a_verdict_is_gone_as_soon_as_something_else_is_chosen(
    visit: Visit, receipts: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, big = tmp_path / "folder.tlog-proof", tmp_path / "big.tlog-proof"
    folder.mkdir()
    big.write_bytes(b"x" * 50_000_000)
    page = visit.open("/verify")
    for other, sentence in ((folder, "This could not be read and was not checked"), (big, "The file is too large")):
        page.set_input_files("#file", receipts[0])
        assert set(outcomes(page).values()) == {"ok"}
        expect(page.locator("#result .chosen bdi")).to_have_text("true.tlog-proof")
        drop(page, other)
        said_instead(page, other.name, sentence)


def test_only_what_was_chosen_last_is_answered(visit: Visit, story: Story, receipts: tuple[Path, Path]) -> None:
    true, false = receipts
    page = visit.open("/verify")
    late = held_back(page, f"{visit.url}/chain")
    page.set_input_files("#file", true)
    expect(page.locator("#result")).to_contain_text("Verifying")
    drop(page, true, false)
    said_instead(page, "true.tlog-proof, false.tlog-proof", "One file is checked at a time")
    let_go(page, late)
    said_instead(page, "true.tlog-proof, false.tlog-proof", "One file is checked at a time")
    page.unroute(f"{visit.url}/chain")
    late = held_back(page, f"{visit.url}/v1/leaves/*/receipt")
    page.goto(f"{visit.url}/verify?lang=en&receipt=/v1/leaves/{story.cancel}/receipt", wait_until="commit")
    expect(page.locator("#result .chosen bdi")).to_have_text(f"/v1/leaves/{story.cancel}/receipt")
    page.set_input_files("#file", false)
    assert outcomes(page)["inclusion"] == "failed"
    let_go(page, late)
    assert page.locator("#result").get_attribute("data-verdict") == "refuted"
    expect(page.locator("#result .chosen bdi")).to_have_text("false.tlog-proof")


def test_a_file_that_changed_is_read_again_when_it_is_chosen_again(visit: Visit, receipts: tuple[Path, Path]) -> None:
    true, false = receipts
    page = visit.open("/verify")
    for wanted in ("proven", "refuted"):
        with page.expect_file_chooser() as choice:
            page.locator("#file").click()
        choice.value.set_files(true)
        outcomes(page)
        assert page.locator("#result").get_attribute("data-verdict") == wanted
        true.write_bytes(false.read_bytes())


def test_a_verdict_is_by_the_keys_that_stand_there(visit: Visit, receipts: tuple[Path, Path]) -> None:
    page = visit.open("/verify")
    page.set_input_files("#file", receipts[0])
    outcomes(page)
    page.get_by_text("The keys and the chain you trust").click()
    page.get_by_label("Contract address").press("End")
    page.keyboard.type("0")
    expect(page.locator("#result[data-verdict]")).to_have_count(0)
    page.keyboard.press("Tab")
    assert outcomes(page)["anchor"] == "not-checked"


def test_whose_keys_they_were_stands_where_a_verdict_stands(visit: Visit, receipts: tuple[Path, Path]) -> None:
    line = "The keys and the contract's address came from this site"
    true, false = receipts
    page = visit.open("/verify")
    for text, verdict, stands in (
        (true.read_text(), "proven", 1),
        ("no receipt", "unreadable", 0),
        (false.read_text(), "refuted", 1),
        ("gramledger-state-proof", "unreadable", 0),
        ("", "unreadable", 0),
    ):
        choose(page, text)
        expect(page.locator(f"#result[data-verdict={verdict}]")).to_have_count(1)
        expect(page.locator("#result").get_by_text(line)).to_have_count(stands)


def test_a_receipt_that_this_site_does_not_have_is_told(visit: Visit) -> None:
    page = visit.open("/verify?receipt=/v1/leaves/999999/receipt")
    said_instead(page, "/v1/leaves/999999/receipt", "was not checked (HTTP 404)")


def test_pages_work_without_javascript(live: Live, chromium: Browser, story: Story) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport=DESK)
    visitor = Visit(context, live.url)
    page = visitor.open("/")
    page.get_by_role("searchbox").fill(f"#{story.refund}")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Refund")
    page = visitor.open("/verify")
    expect(page.get_by_text("Verifying in the browser needs JavaScript.")).to_be_visible()
    expect(page.locator("#verifier")).to_be_hidden()
    assert visitor.faults == []
    context.close()


@pytest.mark.parametrize(("lang", "scheme"), [("zh", "light"), ("en", "dark")])
def test_every_page_is_accessible_and_fits_a_phone(
    live: Live, chromium: Browser, story: Story, wordy: str, lang: str, scheme: str
) -> None:
    first, last = story.cancelled
    paths = {
        "/": "h1",
        f"/blocks/SHCER-{first}-{last - 1}?gram={first + 3}": "h1",
        f"/leaves/{story.convert}": "h1",
        f"/certificates/{story.certificate}": "h1",
        f"/certificates/{wordy}": "h1",
        f"/search?q={LONG}{LONG}": "h1",
        f"/lots/{story.lot}": "h1",
        f"/cases/I-{story.lot}": "h1",
        "/policies": "h1",
        f"/verify?receipt=/v1/leaves/{story.cancel}/receipt": "#result[data-verdict=proven]",
        "/how-it-works": "h1",
        "/search?q=nothing": "h1",
    }
    # axe itself is a script that the pages' policy rightly refuses.
    context = chromium.new_context(viewport=PHONE, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    visitor = Visit(context, live.url)
    for path, ready in paths.items():
        page = visitor.open(path, lang)
        expect(page.locator(ready)).to_be_visible(timeout=15_000)
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        page.add_script_tag(path=AXE)
        report = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in report["violations"]] == [], path
        assert len(report["passes"]) > 10
    assert visitor.faults == []
    context.close()


def test_an_ordinary_certificate_is_one_sheet(visit: Visit, story: Story) -> None:
    page = visit.open(f"/certificates/{story.certificate}")
    assert len(PdfReader(io.BytesIO(page.pdf(format="A4"))).pages) == 1


def test_a_certificate_is_printed_whole_from_the_first_page_on(live: Live, chromium: Browser, wordy: str) -> None:
    context = chromium.new_context(viewport=DESK)
    page = Visit(context, live.url).open(f"/certificates/{wordy}")
    paper = PdfReader(io.BytesIO(page.pdf(format="A4")))
    sheets = ["".join(sheet.extract_text().split()) for sheet in paper.pages]
    context.close()
    assert len(sheets) <= 2
    assert "Certificateofcancellation" in sheets[0]
    assert "".join(sheets).count(LONG) == 2
    assert ADDRESS in "".join(sheets)
    assert "Claimedbytheholder" in "".join(sheets)


def lengthened(value: Any) -> Any:
    """Put words that no line can hold in place of the samples' hostile ones, however deep they stand."""
    if isinstance(value, dict):
        return {key: lengthened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [lengthened(inner) for inner in value]
    return LONG + ADDRESS if value == samples.HOSTILE else value


def answering(html: str) -> Callable[[Route], None]:
    def answer(route: Route) -> None:
        route.fulfill(body=html, content_type="text/html; charset=utf-8")

    return answer


def test_no_words_are_too_long_for_a_phone(live: Live, chromium: Browser) -> None:
    context = chromium.new_context(viewport=PHONE)
    page = context.new_page()
    for template, sample in samples.CONTEXTS.items():
        shown = lengthened(samples.EVERYWHERE | sample)
        html = pages.render(template, lang="en", path="/x", now_ms=samples.NOW_MS, **shown)
        page.route(f"{live.url}/{template}", answering(html))
        page.goto(f"{live.url}/{template}")
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), template
    context.close()


@pytest.mark.parametrize(("lang", "says"), [("zh", "已终结"), ("en", "ended")])
def test_the_state_of_a_block_is_verified_in_the_browser(
    visit: Visit, live: Live, story: Story, lang: str, says: str
) -> None:
    live.site.epochs.make()
    live.publish()
    first, last = story.cancelled
    page = visit.open(f"/blocks/SHCER-{first}-{last - 1}", lang)
    expect(page.locator("section", has=page.locator("h2#state")).locator("li").first).to_contain_text(says)
    page.locator(f"a.button[href^='/verify?first_g={first}']").click()
    assert outcomes(page) == dict.fromkeys([*STEPS, "record", "map", "cover"], "ok")
    part = page.locator("#result [data-state]")
    expect(part).to_have_attribute("data-state", "ended")
    expect(part).to_contain_text(f"SHCER-{first}-{last - 1}")
    proof = httpx2.get(f"{live.url}/v1/state", params={"first_g": first, "end_g": last}).text
    entry = re.search(r"^entry .* (\S+)$", proof, re.MULTILINE)
    assert entry is not None
    forged = base64.b64encode(bytes([1, 2]) + base64.b64decode(entry[1])[2:]).decode()
    assert choose(page, proof.replace(entry[1], forged))["map"] == "failed"
    expect(page.locator("#result [data-state]")).to_have_count(0)

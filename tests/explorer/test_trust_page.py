"""The visitor's own trust file, in Chromium: what a verdict rests on, where the file stays, what no site can change."""

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from anchoring.note import COSIGNATURE, ED25519, Signer
from anchoring.trust.file import Chain, Log, Trust
from anchoring.trust.policy import Group, Policy, Witness
from anchoring.trust.reading import read
from anchoring.trust.writing import write
from tests.support.browsing import PHONE, STEPS, Visit, choose, drop, flipped, outcomes
from tests.support.running import Live
from tests.support.story import Story

AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
Gram = Callable[..., tuple[int, str, str]]
ABSENT = Witness("absent", Signer("absent.example", COSIGNATURE, bytes(range(32))).verifier)


def served(live: Live) -> bytes:
    return httpx2.get(f"{live.url}/v1/trust").content


@pytest.fixture
def receipt(live: Live, story: Story) -> str:
    return httpx2.get(f"{live.url}/v1/leaves/{story.cancel}/receipt").text


def trust_in(page: Page, data: bytes, name: str = "bureau.trust") -> None:
    page.set_input_files("#trust-input", {"name": name, "mimeType": "text/plain", "buffer": data})


def taken(page: Page, data: bytes, name: str = "bureau.trust") -> None:
    trust_in(page, data, name)
    expect(page.locator("#believed[data-source=file] bdi").first).to_have_text(name)
    expect(page.locator("#trust-fault")).to_be_hidden()


def verdict(page: Page) -> str:
    outcomes(page)
    return page.locator("#result").get_attribute("data-verdict") or ""


def test_a_trust_file_is_kept_with_a_word_on_where_it_came_from_until_it_is_forgotten(
    visit: Visit, live: Live, receipt: str
) -> None:
    page = visit.open("/verify")
    believed = page.locator("#believed")
    expect(believed).to_contain_text("this site's own word, which proves nothing by itself")
    expect(page.get_by_text("The keys and the chain you trust")).to_be_visible()
    own = read(served(live))
    taken(page, write(own, ("from the bureau",)))
    expect(believed).to_contain_text(re.compile(r"It rests on your trust file “bureau\.trust”, chosen 20\d\d-"))
    expect(believed).to_contain_text("kept in this browser only")
    expect(believed).to_contain_text(own.log.verifier.vkey)
    expect(believed).to_contain_text(f"{own.chains[0].contract} @ {own.chains[0].chain_id}")
    expect(page.get_by_text("The keys and the chain you trust")).to_be_hidden()
    assert choose(page, receipt) == dict.fromkeys(STEPS, "ok")
    expect(page.locator("#result")).to_contain_text("By your trust file “bureau.trust”.")
    page.reload()
    expect(believed).to_contain_text("bureau.trust")
    assert choose(page, receipt) == dict.fromkeys(STEPS, "ok")
    expect(page.locator("#result")).to_contain_text("By your trust file “bureau.trust”.")
    page.get_by_role("button", name="Forget this trust file").click()
    expect(believed).to_contain_text("this site's own word")
    assert verdict(page) == "proven"
    expect(page.locator("#result")).to_contain_text("The keys and the contract's address came from this site")
    page.reload()
    expect(believed).to_contain_text("this site's own word")
    assert page.evaluate("localStorage.length") == 0


def test_the_sites_own_file_is_told_to_prove_nothing_by_itself(visit: Visit, live: Live, receipt: str) -> None:
    page = visit.open("/verify")
    taken(page, served(live), "trust.txt")
    expect(page.locator("#believed .callout")).to_contain_text("If you got it here, it proves nothing by itself")
    assert set(choose(page, receipt).values()) == {"ok"}
    expect(page.locator("#result")).to_contain_text("got from here, it proves nothing by itself")
    page = visit.open("/verify", "zh")
    expect(page.locator("#believed .callout")).to_contain_text("它本身不证明什么")


def trusts(own: Trust) -> dict[str, tuple[str, Trust]]:
    """Trust files of this registry's log, with the verdict that page and command both give by each."""
    known, stranger = own.policy, Signer("log.test/gramledger", ED25519, bytes(32)).verifier
    names = tuple(witness.name for witness in known.witnesses)
    whole = replace(known, groups=(Group("all", 3, names),), quorum="all")
    more = Policy((*known.witnesses, ABSENT), (Group("g", 1, names), Group("h", 2, ("g", "absent"))), "h")
    here = own.chains[0]
    unheard = "http://127.0.0.1:1/"
    return {
        "its own": ("proven", own),
        "one witness": ("proven", replace(own, policy=Policy(known.witnesses, (), names[0]))),
        "nobody": ("partly", replace(own, policy=Policy())),
        "all of them": ("proven", replace(own, policy=whole)),
        "one who never signed": ("refuted", replace(own, policy=more)),
        "no chain": ("partly", replace(own, chains=())),
        "a chain without an endpoint": ("partly", replace(own, chains=(replace(here, rpcs=()),))),
        "an endpoint that does not answer": ("unchecked", replace(own, chains=(replace(here, rpcs=(unheard,)),))),
        "an endpoint of another chain": ("unchecked", replace(own, chains=(replace(here, chain_id=5),))),
        "no contract there": ("unchecked", replace(own, chains=(replace(here, contract="0x" + "12" * 20),))),
        "another key of this name": ("refuted", replace(own, log=Log(stranger))),
        "another log": ("another-log", replace(own, log=Log(Signer("other.example", ED25519, bytes(32)).verifier))),
    }


SAID = {"proven": "Proven:", "partly": "Proven in part", "refuted": "False:", "another-log": "Not checked:"}


def test_page_and_command_give_one_verdict_by_one_trust_file(
    visit: Visit, live: Live, receipt: str, gram: Gram, tmp_path: Path
) -> None:
    (tmp_path / "receipt").write_text(receipt)
    visit.allowed = ("http://127.0.0.1:1/",)
    page = visit.open("/verify")
    for name, (wanted, trust) in trusts(read(served(live))).items():
        data = write(trust, (name,))
        (tmp_path / "trust").write_bytes(data)
        taken(page, data, name)
        choose(page, receipt)
        assert (name, verdict(page)) == (name, wanted)
        code, out, err = gram("verify", tmp_path / "receipt", "--trust", tmp_path / "trust")
        assert code == {"proven": 0, "partly": 0, "refuted": 1}.get(wanted, 2), name
        # A chain that cannot be asked ends the command before its first step, with a sentence.
        assert out.splitlines()[-1].startswith(SAID[wanted]) if wanted in SAID else err.startswith("gram: "), name


def test_a_site_that_swaps_its_keys_gains_nothing_by_it_where_a_file_is_kept(
    visit: Visit, live: Live, receipt: str
) -> None:
    page = visit.open("/verify")
    own = read(served(live))
    taken(page, write(own, ("from the bureau",)))
    forger = Signer(own.log.verifier.name, ED25519, secrets.token_bytes(32))
    head, note = receipt.split("\n\n", 1)
    text = note.split("\n\n")[0] + "\n"
    forged = f"{head}\n\n{text}\n{forger.sign(text.encode()).line}\n"
    swapped = Trust(Log(forger.verifier), Policy(), own.chains)

    def lie(route: Route) -> None:
        answer = route.fetch()
        body = answer.text().replace(own.log.verifier.vkey, forger.verifier.vkey)
        for witness in own.policy.witnesses:
            body = body.replace(witness.verifier.vkey, "")
        route.fulfill(response=answer, body=body)

    page.route("**/verify?*", lie)
    page.route("**/v1/trust", lambda route: route.fulfill(body=write(swapped), content_type="text/plain"))
    visit.open("/verify")
    expect(page.locator("#believed[data-source=file]")).to_contain_text(own.log.verifier.vkey)
    choose(page, receipt)
    assert verdict(page) == "proven"
    choose(page, forged)
    assert verdict(page) == "refuted"
    page.get_by_role("button", name="Forget this trust file").click()
    # By the site's own word alone the forgery passes: that is what the file is for.
    assert set(outcomes(page).values()) <= {"ok", "not-asked"}
    expect(page.locator("#result")).to_contain_text("The keys and the contract's address came from this site")


def test_a_file_that_is_refused_changes_nothing_and_is_told_by_line_and_code(
    visit: Visit, live: Live, receipt: str
) -> None:
    page = visit.open("/verify")
    fault = page.locator("#trust-fault")
    for data, sentence in (
        (b"log abc\n", "line 1: “abc” is no verifier key of the kind needed here"),
        (served(live).replace(b"quorum", b"policy"), "[trust-unknown-line]"),
        (b"#\n" * 200_000, "[trust-size]"),
        ("witness \u202e x\n".encode(), "[trust-key]"),
        (b"", "[trust-no-log]"),
    ):
        trust_in(page, data)
        expect(fault).to_contain_text(sentence)
        expect(fault).to_contain_text("What the verdict rests on has not changed.")
        expect(page.locator("#believed[data-source=site]")).to_have_count(1)
    taken(page, write(read(served(live)), ("kept",)))
    choose(page, receipt)
    trust_in(page, b"log abc\n", "worse.trust")
    expect(fault).to_be_visible()
    expect(page.locator("#believed bdi").first).to_have_text("bureau.trust")
    assert verdict(page) == "proven"


def test_what_is_kept_and_cannot_be_read_gives_no_verdict(visit: Visit, live: Live, receipt: str) -> None:
    page = visit.open("/verify")
    taken(page, write(read(served(live)), ("kept",)))
    kept = json.loads(page.evaluate("localStorage.getItem('gramledger.trust')"))
    for other in (
        "",
        "{}",
        "null",
        json.dumps({**kept, "bytes": kept["bytes"][:-8]}),
        json.dumps({**kept, "bytes": "?"}),
        json.dumps({**kept, "format": "gramledger/trust-kept/v0"}),
    ):
        page.evaluate("text => localStorage.setItem('gramledger.trust', text)", other)
        page.reload()
        expect(page.locator("#believed[data-source=unread]")).to_contain_text("there is no verdict")
        page.set_input_files("#file", {"name": "a", "mimeType": "text/plain", "buffer": receipt.encode()})
        expect(page.locator("#result")).to_contain_text("there is no verdict")
        expect(page.locator("#result[data-verdict]")).to_have_count(0)
    page.get_by_role("button", name="Forget this trust file").click()
    assert verdict(page) == "proven"


def test_a_file_is_dropped_and_another_page_of_this_browser_follows(
    visit: Visit, live: Live, receipt: str, tmp_path: Path
) -> None:
    page = visit.open("/verify")
    other = page.context.new_page()
    other.goto(f"{live.url}/verify?lang=en")
    choose(other, receipt)
    own = read(served(live))
    (tmp_path / "strict.trust").write_bytes(write(replace(own, policy=Policy((ABSENT,), (), "absent"))))
    drop(page, tmp_path / "strict.trust", on="#trust-drop")
    expect(page.locator("#believed bdi").first).to_have_text("strict.trust")
    expect(other.locator("#believed bdi").first).to_have_text("strict.trust")
    expect(other.locator("#result[data-verdict=refuted]")).to_contain_text("By your trust file “strict.trust”.")
    drop(page, tmp_path / "strict.trust", tmp_path / "strict.trust", on="#trust-drop")
    expect(page.locator("#trust-fault")).to_contain_text("One trust file is used at a time")
    page.get_by_role("button", name="Forget this trust file").click()
    expect(other.locator("#result[data-verdict=proven]")).to_have_count(1)


def test_one_key_under_two_names_is_not_counted_twice(visit: Visit, live: Live, receipt: str) -> None:
    page = visit.open("/verify")
    key = read(served(live)).policy.witnesses[0].verifier
    again = replace(key, name="again.example").vkey
    page.get_by_text("The keys and the chain you trust").click()
    page.get_by_label("Cosigners' public keys, one a line").fill(f"{key.vkey}\n{again}")
    assert choose(page, receipt)["cosignatures"] == "not-checked"
    assert verdict(page) == "unchecked"


def test_a_forged_cosignature_of_a_known_witness_refutes(visit: Visit, live: Live, receipt: str) -> None:
    page = visit.open("/verify")
    own = read(served(live))
    taken(page, write(replace(own, policy=replace(own.policy, quorum="none"))))
    name = re.escape(own.policy.witnesses[0].verifier.name)
    signature = re.search(rf"\u2014 {name} (\S+)\n", receipt)
    assert signature is not None
    assert choose(page, receipt.replace(signature[1], flipped(signature[1])))["cosignatures"] == "failed"


@pytest.mark.parametrize(("lang", "scheme"), [("zh", "light"), ("en", "dark")])
def test_the_page_with_a_trust_file_is_accessible_and_fits_a_phone(
    live: Live, chromium: Browser, lang: str, scheme: str
) -> None:
    context = chromium.new_context(viewport=PHONE, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    visitor = Visit(context, live.url)
    page = visitor.open("/verify", lang)
    own = read(served(live))
    long = Chain(2**63 - 1, "0x" + "11" * 20, ("https://" + "e" * 120 + ".example/x",))
    names = tuple(witness.name for witness in own.policy.witnesses)
    group = Policy((*own.policy.witnesses, ABSENT), (Group("g", 2, names), Group("h", 1, ("g", "absent"))), "h")
    taken(page, write(replace(own, policy=group, chains=(*own.chains, long))), "W" * 120)
    visitor.allowed = ("https://" + "e" * 120,)
    trust_in(page, b"log " + b"W" * 120 + b"\n")
    expect(page.locator("#trust-fault")).to_be_visible()
    page.add_script_tag(path=AXE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    report = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
    assert [(fault["id"], fault["nodes"][0]["html"]) for fault in report["violations"]] == []
    assert visitor.faults == []
    context.close()

"""People sign in at a real issuer (oidc-provider) and systems by client credentials; each of its troubles is told."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from api.door.issuer import FRESH_MS, Issuer
from api.explorer.signing_in import SESSION, SIGN_IN, path_asked
from registry.clock import system_clock
from registry.identity.grants import OPERATOR, Grant, give, revoke
from registry.identity.roles import Role
from registry.identity.subjects import Subject
from tests.support.issuers import PAGES, SYSTEM, RealIssuer, real_issuer
from tests.support.rest import Caller, http, is_problem
from tests.support.running import Live, served


@dataclass(frozen=True)
class Issued:
    """The installation of `live` once more, with oidc-provider as its issuer, at `url`."""

    live: Live
    issuer: RealIssuer
    url: str

    def grant(self, name: str, wanted: Grant) -> int:
        ledger = self.live.site.ledger
        with self.live.site.database.transaction() as tx:
            return give(tx, ledger.vault, Subject(self.issuer.url, name), wanted, OPERATOR, ledger.clock())

    def begin(self, path: str = "/sign-in") -> tuple[str, str]:
        """Begin to sign in; gives where to, and the cookie."""
        answer = http.get(self.url + path)
        assert answer.status_code == 303
        return answer.headers["location"], cookies(answer)[SIGN_IN]

    def come_back(self, location: str, cookie: str | None) -> httpx2.Response:
        return http.get(location, headers={} if cookie is None else {"Cookie": f"{SIGN_IN}={cookie}"})

    def sign_in(self, name: str) -> str:
        """Give the session's cookie."""
        where, cookie = self.begin()
        answer = self.come_back(self.issuer.sign_in(where, name), cookie)
        assert (answer.status_code, answer.headers["location"]) == (303, "/me"), answer.text
        return cookies(answer)[SESSION]

    def page(self, session: str | None) -> httpx2.Response:
        return http.get(f"{self.url}/me", headers={} if session is None else {"Cookie": f"{SESSION}={session}"})


def cookies(answer: httpx2.Response) -> dict[str, str]:
    """The cookies that an answer sets; each as one of this host alone is."""
    found = {}
    for said in answer.headers.get_list("set-cookie"):
        pair, *kept = re.split(r"; ?", said)
        assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(kept), said
        name, _, value = pair.partition("=")
        found[name] = value.strip('"')
    return found


@pytest.fixture(scope="module")
def issued(live) -> Iterator[Issued]:
    with real_issuer() as issuer:
        settings = live.site.settings.model_copy(update={"issuer": issuer.url, "client_id": PAGES})
        site = replace(live.site, settings=settings, where=replace(live.site.where, issuer=issuer.url))
        with served(site) as url:
            yield Issued(live, issuer, url)


def test_a_system_acts_by_client_credentials_and_by_what_was_granted_to_it(issued):
    token = issued.issuer.system_token()
    system = Caller(issued.url, token)
    account, other = issued.live.institution(), issued.live.institution()
    assert is_problem(system.get(f"/v1/accounts/{account}"), 403, "no-role")
    number = issued.grant(SYSTEM, Grant(Role.PROVIDER, account))
    assert system.get(f"/v1/accounts/{account}").status_code == 200
    assert is_problem(system.get(f"/v1/accounts/{other}"), 403, "forbidden")
    with issued.live.site.database.transaction() as tx:
        revoke(tx, number, OPERATOR, system_clock())
    waited(lambda: is_problem(system.get(f"/v1/accounts/{account}"), 403, "no-role"))


def waited(holds) -> None:
    """It is so, at the latest when what a process remembers is no longer believed."""
    end = system_clock() + FRESH_MS + 2_000
    while not holds():
        assert system_clock() < end


def test_a_token_of_the_development_issuer_is_none_here(issued):
    token = issued.live.token("centre")
    assert is_problem(Caller(issued.url, token).get("/v1/accounts/1"), 401, "token-key-unknown")


def test_a_person_signs_in_sees_what_they_are_and_signs_out(issued):
    issued.grant("wang", Grant(Role.BUREAU, officer=77))
    assert issued.page(None).headers["location"] == "/sign-in?return=/me"
    session = issued.sign_in("wang")
    page = issued.page(session)
    assert (page.status_code, "bureau:77" in page.text, page.headers["cache-control"]) == (200, True, "no-store")
    assert "尚无角色" in issued.page(issued.sign_in("nobody-yet")).text
    out = {"Cookie": f"{SESSION}={session}"}
    for headers in (
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ):
        refused = http.post(f"{issued.url}/sign-out", headers=out | headers)
        assert refused.status_code == 403, headers
    assert issued.page(session).status_code == 200
    done = http.post(f"{issued.url}/sign-out", headers=out | {"Origin": issued.url})
    assert (done.status_code, cookies(done)[SESSION]) == (303, "")
    assert issued.page(session).status_code == 303


def test_who_signs_in_goes_back_to_the_page_they_came_from_and_to_no_other_host(issued):
    where, cookie = issued.begin("/sign-in?return=/how-it-works?lang=en")
    answer = issued.come_back(issued.issuer.sign_in(where, "li"), cookie)
    assert answer.headers["location"] == "/how-it-works?lang=en"
    for elsewhere in (
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "evil",
        "/\tx",
        "/\r\nX: y",
        "",
        None,
    ):
        assert path_asked(elsewhere) == "/me"


def test_a_sign_in_that_was_not_begun_here_or_is_used_is_refused(issued):
    where, cookie = issued.begin()
    asked = parse_qs(urlsplit(where).query)
    assert (asked["code_challenge_method"], asked["response_type"]) == (["S256"], ["code"])
    back = issued.issuer.sign_in(where, "zhao")
    other_where, other_cookie = issued.begin()
    for address, kept in (
        (back, None),
        (back, other_cookie),
        (back, "AAAA"),
        (back, "é".encode().hex() * 3000),
        (f"{issued.url}/sign-in/callback", cookie),
        (f"{issued.url}/sign-in/callback?{urlsplit(back).query.replace('iss=', 'iss=x')}", cookie),
        (f"{issued.url}/sign-in/callback?error=access_denied&state={asked['state'][0]}", cookie),
        (back.replace("code=", "code=x"), cookie),
    ):
        refused = issued.come_back(address, kept)
        assert refused.status_code in {400, 431}, address
        assert SESSION not in refused.headers.get("set-cookie", "")
    where, cookie = issued.begin()
    back = issued.issuer.sign_in(where, "zhao")
    assert issued.come_back(back, cookie).status_code == 303
    assert issued.come_back(back, cookie).status_code == 400, "a code is good once"
    assert other_where != where


def test_a_key_that_is_rotated_is_seen_through_and_one_that_vanished(issued):
    before = issued.issuer.system_token()
    account = issued.live.institution()
    issued.grant(SYSTEM, Grant(Role.PROVIDER, account))
    path = f"/v1/accounts/{account}"
    assert Caller(issued.url, before).get(path).status_code == 200
    issued.issuer.control("rotate")
    waited(lambda: Caller(issued.url, issued.issuer.system_token()).get(path).status_code == 200)
    waited(lambda: is_problem(Caller(issued.url, before).get(path), 401, "token-key-unknown"))
    now = issued.issuer.system_token()
    issued.issuer.control("vanish")
    waited(lambda: is_problem(Caller(issued.url, now).get(path), 401, "token-key-unknown"))
    issued.issuer.control("down")
    assert Caller(issued.url, now).get("/v1/about").status_code == 200, "what is for anyone goes on"
    assert http.get(f"{issued.url}/sign-in").status_code in {303, 503}
    issued.issuer.control("up")
    waited(lambda: Caller(issued.url, now).get(path).status_code == 200)


def test_an_issuer_that_is_down_from_the_start_is_told_as_such(issued):
    issued.issuer.control("down")
    try:
        fresh = Issuer(issued.issuer.url, system_clock, by_proxy=False)
        with pytest.raises(Exception, match="answers with status 503"):
            fresh.keyset()
    finally:
        issued.issuer.control("up")

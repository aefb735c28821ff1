"""The issuer that `gram serve` starts in development: a real one, on this machine alone, that believes everybody."""

import re
import time
from html import unescape
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from api.explorer.signing_in import SESSION, SIGN_IN
from api.installation.development_issuer import CODE_LIFE_S, LIFE_S, SECRET, IssuerServer, issuing
from registry.errors import Forbidden
from registry.identity.grants import Grant
from registry.identity.roles import Role
from tests.api.identity.test_sign_in import cookies
from tests.support.rest import Caller, http, is_problem


@pytest.fixture(scope="module")
def issuer(live):
    return live.site.development_issuer


def signed_in(url: str, name: str) -> str:
    """Sign in on the pages; gives the session's cookie."""
    begun = http.get(f"{url}/sign-in")
    asked, kept = begun.headers["location"], cookies(begun)[SIGN_IN]
    page = http.get(asked)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    form = {"asked": unescape(re.search(r'name="asked" value="([^"]*)"', page.text)[1]), "subject": name}
    back = http.post(f"{asked.partition('?')[0]}", data=form).headers["location"]
    answer = http.get(back, headers={"Cookie": f"{SIGN_IN}={kept}"})
    assert answer.status_code == 303, answer.text
    return cookies(answer)[SESSION]


def test_whoever_signs_in_on_the_pages_is_who_they_say(live):
    live.grant("zhang 三", Grant(Role.EXCHANGE, officer=41))
    session = signed_in(live.url, "zhang 三")
    page = http.get(f"{live.url}/me", headers={"Cookie": f"{SESSION}={session}"})
    assert "exchange:41" in page.text


def test_a_system_gets_a_token_for_an_hour_by_its_secret(live, issuer):
    asked = {"grant_type": "client_credentials", "client_id": "meters", "client_secret": SECRET}
    said = http.post(f"{issuer.url}/token", data=asked).json()
    claims = jwt.decode(said["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["exp"] - claims["iat"], said["expires_in"]) == ("meters", LIFE_S, LIFE_S)
    assert is_problem(Caller(live.url, said["access_token"]).get("/v1/accounts/1"), 403, "no-role")
    assert Caller(live.url, said["access_token"]).get("/v1/me").json() == {"roles": []}
    for wrong in ({"client_secret": "x"}, {"client_id": ""}, {"grant_type": "password"}):
        assert http.post(f"{issuer.url}/token", data=asked | wrong).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": ""},
        {"response_type": "token"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"client_id": ""},
    ],
    ids=str,
)
def test_a_question_for_a_code_that_is_not_safe_gets_none(live, changes):
    location = http.get(f"{live.url}/sign-in").headers["location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()} | changes
    assert http.get(location.partition("?")[0], params=asked).status_code == 400


def test_a_code_is_good_once_for_who_asked_and_in_its_minute(monkeypatch):
    server = IssuerServer("gramledger", bytes(32), 0)
    try:
        code = server.remember("ann", {})
        assert server.take(code).subject == "ann"
        assert server.take(code) is None
        late = server.remember("ann", {})
        later = time.time() + CODE_LIFE_S
        monkeypatch.setattr(time, "time", lambda: later)
        assert server.take(late) is None
    finally:
        server.server_close()


def test_it_comes_back_at_the_port_that_it_had_and_finds_another_when_that_is_taken(tmp_path):
    address = tmp_path / "issuer.url"
    with issuing(address, "gramledger", bytes(32)) as first:
        with issuing(address, "gramledger", bytes(32)) as other:
            assert other.url != first.url
        address.write_text(first.url)
    with issuing(address, "gramledger", bytes(32)) as again:
        assert again.url == first.url == address.read_text()


def test_where_another_issuer_is_named_there_is_none(live):
    settings = live.site.settings.model_copy(update={"issuer": "https://id.example"})
    site = type(live.site)(settings, live.site.folder, live.site.where)
    with pytest.raises(Forbidden, match="GRAMLEDGER_ISSUER"):
        _ = site.development_issuer


def test_the_commands_make_somebody_with_a_role_and_end_it(live, gram):
    data = ("--data", live.site.folder.path)
    account = live.person()
    code, token, _ = gram("token", "--role", "holder", "--account", account, *data)
    assert code == 0
    assert Caller(live.url, token.strip()).get(f"/v1/accounts/{account}").status_code == 200
    code, number, _ = gram("role", "grant", "--role", "bureau", "--officer", 51, "--subject", "qian", *data)
    assert code == 0
    begins = f"{number.strip()}  "
    listed = next(line for line in gram("role", "list", *data)[1].splitlines() if line.startswith(begins))
    assert "bureau:51  qian at development  from " in listed
    assert listed.endswith(" by operator")
    assert gram("role", "revoke", number.strip(), *data)[0] == 0
    assert " until " in next(line for line in gram("role", "list", *data)[1].splitlines() if "bureau:51" in line)
    for words, says in (
        (("token", "--role", "mayor"), "A role is one of"),
        (("token", "--role", "holder"), "names an account"),
        (("role", "grant", "--role", "centre", "--subject", "x", "--account", account), "names an account"),
        (("role", "grant", "--role", "bureau", "--officer", 51, "--subject", "sun"), "somebody else"),
        (("role", "revoke", 10**9), "no grant"),
    ):
        code, _, err = gram(*words, *data)
        assert (code, says in err) == (2, True), err

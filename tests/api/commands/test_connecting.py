"""The page for who connects a platform: its commands are run as they stand, against a registry that is served."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from registry.events.types import TYPES
from tests.support.attending import attended
from tests.support.docs_pages import page
from tests.support.receivers import receiver
from tests.support.rest import Caller
from tests.support.waiting import until

PAGE = page("connecting.md")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
CALLS = re.findall(r"^## (\d+)\. ", PAGE, re.MULTILINE)


def test_the_page_has_ten_calls_and_every_type_of_event():
    assert [str(number) for number in range(1, 11)] == CALLS
    said = dict(re.findall(r"^\| `([a-z.]+)` \| (.*?) \|", PAGE, re.MULTILINE))
    told = {
        name: ", ".join(f"`{field}`" for field in (*one.fields, *(["external_id"] if one.is_of_person else []))) or "-"
        for name, one in TYPES.items()
    }
    assert said == told


@pytest.mark.slow
def test_the_ten_calls_are_done_as_they_stand_and_events_are_sent(live, gram, tmp_path, monkeypatch):
    """After them the shop has its events sent; the receiver verifies with a library not ours.

    `gram` does its work in this process: starting it is most of what each of its commands takes.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(live.site.folder.path)
    first, *commands = BLOCKS
    assert first == "scripts/demo\n.venv/bin/gram serve --data data --port 8000\n", (
        "done here by an installation that is here"
    )
    assert live.source.id == live.source.applicant_id == 1, "as the page has them"
    (tmp_path / "page.sh").write_text("\n".join(["set -euo pipefail", *commands, 'echo; echo "$SHOP $SHOP_TOKEN"']))
    with attended(live), receiver() as house, answering(gram, tmp_path / ".venv" / "bin" / "gram") as answer:
        with (tmp_path / "said").open("w") as said:
            page = subprocess.Popen(["bash", "page.sh"], env=os.environ | {"URL": live.url}, stdout=said, stderr=said)
            while page.poll() is None:
                answer()
        told = (tmp_path / "said").read_text()
        assert page.returncode == 0, told
        assert "BUNDLE of 40 g" in told, "the receipt was read and holds"
        assert "'accepted': 1, 'accounts': 1" in told
        account, token = told.splitlines()[-1].split()
        shop = Caller(live.url, token, int(account))
        made = shop.act("webhooks", url=f"{house.url}/ok").json()
        shop.act(f"webhooks/{made['webhook']}/replay", after=0)
        until(lambda: len(house.at("/ok")) == 3)
        sent = [Webhook(made["secret"]).verify(body, headers) for headers, body in house.at("/ok")]
        assert [event["type"] for event in sent] == ["redemption.received", "redemption.refunded", "return.done"]


@contextmanager
def answering(gram: Callable[..., tuple[int, str, str]], command: Path) -> Iterator[Callable[[], None]]:
    """Have a `command` that asks here; gives what is called, again and again, to answer whoever asks."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            code, out, err = gram(*self.rfile.read(int(self.headers["Content-Length"])).decode().splitlines())
            self.send_response(200 if code == 0 else 500)
            self.end_headers()
            self.wfile.write((out if code == 0 else out + err).encode())

        def log_message(self, *_words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.timeout = 0.1
        command.parent.mkdir(parents=True)
        asks = f"curl -s --fail-with-body --data-binary @- http://127.0.0.1:{server.server_port}/"
        command.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" | {asks}\n")
        command.chmod(0o755)
        yield server.handle_request

"""The page for who connects a platform: its commands are run as they stand, against a registry that is served."""

import os
import re
import subprocess

import pytest
from standardwebhooks.webhooks import Webhook

from registry.events.types import TYPES
from tests.support.docs_pages import page
from tests.support.receivers import receiver
from tests.support.rest import Caller
from tests.support.rides import write_rides
from tests.support.serving import GRAM, environment, serving
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
def test_the_ten_calls_are_done_as_they_stand_and_events_are_sent(tmp_path):
    """After them the shop has its events sent by the supervisor; the receiver verifies with a library not ours."""
    (tmp_path / ".venv").symlink_to(GRAM.parents[1])
    rides = write_rides(tmp_path / "demo.csv", [{"orderid": "demo-1", "userid": "demo-rider", "bikeid": "demo-bike"}])
    first, *commands = BLOCKS
    assert first == "scripts/demo\n.venv/bin/gram serve --data data --port 8000\n", "done here with a ride of its own"
    demo = [GRAM, "demo", "--data", "data", "--rides", rides]
    subprocess.run(demo, cwd=tmp_path, env=environment(), capture_output=True, check=True)
    with serving(tmp_path / "data") as served, receiver() as house:
        (tmp_path / "page.sh").write_text("\n".join(["set -euo pipefail", *commands, 'echo; echo "$SHOP $SHOP_TOKEN"']))
        done = subprocess.run(
            ["bash", "page.sh"],
            cwd=tmp_path,
            env=os.environ | {"URL": served.url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "BUNDLE of 40 g" in done.stdout, "the receipt was read and holds"
        assert "'accepted': 1, 'accounts': 1" in done.stdout
        *_, numbers = done.stdout.splitlines()
        account, token = numbers.split()
        shop = Caller(served.url, token, int(account))
        made = shop.act("webhooks", url=f"{house.url}/ok").json()
        shop.act(f"webhooks/{made['webhook']}/replay", after=0)
        until(lambda: len(house.at("/ok")) == 3)
        sent = [Webhook(made["secret"]).verify(body, headers) for headers, body in house.at("/ok")]
        assert [event["type"] for event in sent] == ["redemption.received", "redemption.refunded", "return.done"]

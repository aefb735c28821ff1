"""Does the ten calls of docs/connecting.md with the generated client: `use.py URL ISSUER CENTRE OTHER SOURCE SUBJECT`.

`CENTRE` and `OTHER` are tokens of two officers, `SUBJECT` names the platform at the issuer. Writes the numbers of a
person and a shop, reads their tokens, a line each, and at the end writes what it saw. Runs where the generator is.
"""

import base64
import datetime as dt
import hashlib
import io
import json
import sys
import time
import uuid

import httpx
from registry_client import AuthenticatedClient, Client
from registry_client.api.accounts import open_an_account, read_account
from registry_client.api.acts import convert_reductions, redeem_points, refund_points, return_collected_points
from registry_client.api.batches import (
    begin_a_batch,
    propose_the_issuance,
    read_a_batch,
    read_abnormal_rows,
    send_a_part,
)
from registry_client.api.decisions import approve_a_motion, read_motions
from registry_client.api.events import read_events
from registry_client.api.identity import link_a_person, make_a_link_code
from registry_client.api.movements import read_movement, read_receipt
from registry_client.api.public import read_totals
from registry_client.models import (
    Conversion,
    NewAccount,
    NewAccountKind,
    NewBatch,
    NewConsent,
    Problem,
    Redemption,
    Refund,
    Return,
    SeenBatch,
    WantedCode,
)
from registry_client.types import File

url, issuer, centre_token, other_token, source_text, subject = sys.argv[1:]
source, rider = int(source_text), f"{subject}-rider"
WAIT_S = 300


def signed_in(token: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=url, token=token)


def key() -> str:
    return str(uuid.uuid4())


def until(look, holds):
    """Look until what is seen is as it should be."""
    deadline = time.monotonic() + WAIT_S
    while not holds(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
    return seen


centre, other = signed_in(centre_token), signed_in(other_token)
form = {"grant_type": "client_credentials"}
granted = httpx.post(f"{issuer}/token", auth=(subject, "development"), data=form).raise_for_status()
platform = signed_in(granted.json()["access_token"])


def opened(kind: NewAccountKind, name: str) -> int:
    said = open_an_account.sync_detailed(client=centre, body=NewAccount(kind=kind, name=name), idempotency_key=key())
    assert said.headers["Location"] == f"/v1/accounts/{said.parsed.id}"
    return said.parsed.id


person_id, shop_id = opened(NewAccountKind.INDIVIDUAL, "Rider"), opened(NewAccountKind.INSTITUTION, "Shop")
sys.stdout.write(f"{person_id} {shop_id}\n")
sys.stdout.flush()
person, shop = (signed_in(sys.stdin.readline().strip()) for _ in range(2))

wanted = WantedCode(source=source)
code = make_a_link_code.sync(account_id=person_id, client=person, body=wanted, idempotency_key=key()).code
consent = NewConsent(code=code, external_id=rider)
link_a_person.sync(source_id=source, client=platform, body=consent, idempotency_key=key())

content = f"""\
orderid,bikeid,userid,start_time,start_location_x,start_location_y,end_time,end_location_x,end_location_y,track
{rider}-1,bike-{subject},{rider},2016-08-19 21:41,121.522,31.289,2016-08-19 22:01,121.514,31.307,
{rider}-2,bike-{subject},nobody,2016-08-19 21:41,121.522,31.289,2016-08-19 22:01,121.514,31.307,
""".encode()
sha256 = hashlib.sha256(content)
august, september = (dt.datetime(2016, month, 1, tzinfo=dt.UTC) for month in (8, 9))
new = NewBatch("shanghai-rides", len(content), sha256.hexdigest(), august, september)
number = begin_a_batch.sync(source_id=source, client=platform, body=new, idempotency_key=key()).batch
part = {
    "body": File(payload=io.BytesIO(content)),
    "content_digest": f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:",
}
send_a_part.sync(batch=number, first_byte=0, client=platform, **part)


def batch(state: str):
    return until(lambda: read_a_batch.sync(batch=number, client=platform), lambda seen: seen.state == state)


judged = batch("judged")
reasons = [row.reason for row in read_abnormal_rows.sync(batch=number, client=platform).items]

seen = SeenBatch(version=judged.version)
propose_the_issuance.sync(batch=number, client=centre, body=seen, idempotency_key=key())
case = batch("proposed").case
motion = next(one.motion for one in read_motions.sync(client=other).items if one.case == case)
approve_a_motion.sync(motion=motion, client=other, idempotency_key=key())
issued = batch("issued")

as_person, as_shop = {"account_id": person_id, "client": person}, {"account_id": shop_id, "client": shop}
convert_reductions.sync(**as_person, body=Conversion(100), idempotency_key=key())
redemption = Redemption(60, shop_id, "order-1")
redeemed = redeem_points.sync(**as_person, body=redemption, idempotency_key=key())
refund_points.sync(**as_shop, body=Refund(quantity_g=20, redemption=redeemed.act), idempotency_key=key())
returned = return_collected_points.sync(**as_shop, body=Return(all_=True), idempotency_key=key())
movement = int(returned.movements[0].id)
receipt = until(lambda: read_receipt.sync(movement=movement, client=shop), lambda said: isinstance(said, str))

refused = convert_reductions.sync(**as_person, body=Conversion(90_000), idempotency_key=key())
assert isinstance(refused, Problem)
events = until(lambda: read_events.sync(**as_shop).items, lambda items: len(items) == 3)
found = read_account.sync(**as_person)
assert read_totals.sync(client=Client(base_url=url)) is not None
told = {
    "stands": [judged.summary.accepted, reasons],
    "issued": issued.summary.quantity_g,
    "balances": {str(one.form): one.quantity_g for one in found.balances},
    "moved": str(read_movement.sync(movement=movement, client=shop).kind),
    "bundle": returned.bundle,
    "refused": refused.type_,
    "events": [str(one.type_) for one in events],
    "receipt": receipt,
}
sys.stdout.write(json.dumps(told))

"""Uses the generated client: `use.py URL CENTRE_TOKEN HOLDER_TOKEN ACCOUNT`. Runs where the generator is installed."""

import json
import sys
import uuid

from registry_client import AuthenticatedClient, Client
from registry_client.api.accounts import open_an_account, read_account
from registry_client.api.acts import convert_reductions
from registry_client.api.movements import read_movement
from registry_client.api.public import read_totals
from registry_client.models import Account, ActAnswer, Conversion, NewAccount, NewAccountKind, OpenedAccount, Problem

url, centre_token, holder_token, number = sys.argv[1:]
centre, holder = (AuthenticatedClient(base_url=url, token=token) for token in (centre_token, holder_token))


def key() -> str:
    return str(uuid.uuid4())


opened = open_an_account.sync_detailed(
    client=centre, body=NewAccount(kind=NewAccountKind.INDIVIDUAL, name="Rider"), idempotency_key=key()
)
assert isinstance(opened.parsed, OpenedAccount)
assert opened.headers["Location"] == f"/v1/accounts/{opened.parsed.id}"

account = int(number)
converted = convert_reductions.sync(account_id=account, client=holder, body=Conversion(20), idempotency_key=key())
assert isinstance(converted, ActAnswer)
movement = read_movement.sync(movement=int(converted.movements[0].id), client=holder)
refused = convert_reductions.sync(account_id=account, client=holder, body=Conversion(900), idempotency_key=key())
assert isinstance(refused, Problem)
found = read_account.sync(account_id=account, client=holder)
assert isinstance(found, Account)
totals = read_totals.sync(client=Client(base_url=url))

balances = {str(one.form): one.quantity_g for one in found.balances}
told = {"balances": balances, "moved": movement.kind, "refused": refused.type_, "issued": totals is not None}
sys.stdout.write(json.dumps(told))

"""Experts of a running installation, who are asked for opinions and give them over REST."""

from typing import Any

from registry.clock import system_clock
from registry.identity.experts import Dossier, enrol
from registry.identity.grants import Grant
from registry.identity.roles import Role
from tests.support.rest import Caller, authority
from tests.support.running import Live


def expert(live: Live, number: int, role: Role = Role.EXPERT) -> Caller:
    """An expert or service body of the register, by the number."""
    subject, granted = f"{role}-{number}", Grant(role, officer=number)
    live.grant(subject, granted)
    with live.site.database.transaction() as tx:
        enrol(tx, granted, Dossier(("travel",), "Body" if role is Role.SERVICE_BODY else None))
    return Caller(live.url, live.site.development_issuer.token(subject, system_clock() // 1000))


def opinion(**said: Any) -> dict[str, Any]:
    return {"stance": "for", "reason": "sound", "text": "Its baseline is sound.", "no_interest": True} | said


def opined(live: Live, case: str, number: int = 1, **said: Any) -> dict[str, Any]:
    """Have an expert asked by the centre, and give an opinion on a case as it stands; gives what was answered."""
    who = expert(live, number)
    asked = authority(live, "centre").post(f"/v1/cases/{case}/opinions", {"expert": f"expert:{number}"})
    assert asked.status_code == 201, asked.text
    given = who.post(f"/v1/opinions/{asked.json()['request']}/answer", opinion(**said))
    assert given.status_code == 201, given.text
    return dict(given.json())

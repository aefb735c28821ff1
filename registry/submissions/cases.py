"""From a submission to a case: what is handed in is judged, and recorded by an officer of the centre."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import rfc8785
import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.decisions.recalled import last_decision
from registry.decisions.recording import By
from registry.errors import Conflict, Invalid, Unclassified
from registry.identity.mandates import APPLY, must_have_mandate
from registry.ledger.ledger import Ledger
from registry.methodologies import deciding as methodologies
from registry.methodologies.record import Methodology, parse
from registry.procedure.decision import PREFIXES, Record
from registry.procedure.fields import Unreadable, moment
from registry.sources.approval import apply_for, must_be_admissible
from registry.sources.assets import Asset, checked_assets
from registry.sources.shares import Share, checked_shares
from registry.sources.sources import DECLARED, NewSource, checked_source
from registry.submissions.calls import answering
from registry.submissions.submissions import State, Submission, note_recorded


@dataclass(frozen=True, slots=True)
class Applied:
    """What an application is for, and what its assets are known by."""

    source: NewSource
    assets: tuple[Asset, ...]
    said: Mapping[str, str | list[str]] = field(default_factory=dict)
    """How it answers its call, as its first decision says."""


@dataclass(frozen=True, slots=True)
class Stands:
    """How the case of a submission stands: its state, and the reason that its last decision gives, if it gives one."""

    state: str
    reason: str | None


def judge(tx: sa.Connection, ledger: Ledger, found: Submission) -> Methodology | Applied:
    """Read what a submission says, as far as whoever hands it in can be told what is wrong.

    Raises `MethodologyUnsound` with every fault of a text, `Unclassified`, `Invalid`, `NotFound`, `AccountErased`,
    `Conflict` without the mandate of the developer it applies for, `RegisteredElsewhere` and `WithinQuota`.
    """
    content = dict(found.content or {})
    if found.record is Record.METHODOLOGY:
        methodology = parse(rfc8785.dumps(content["definition"]))
        if methodology.methodology_class is None:
            raise Unclassified(f"Methodology {methodology.key} has no class; say which, I or II, is applied for.")
        return methodology
    applied = _applied(content, found.account or 0)
    source = applied.source
    if source.developer_id is not None:
        must_have_mandate(tx, source.developer_id, source.applicant_id, APPLY, ledger.clock())
    must_be_admissible(tx, ledger, source, applied.assets)
    # What waits was handed in when it changed last: a call may close meanwhile.
    handed_in = found.changed_ms if found.state is State.SUBMITTED else ledger.clock()
    return replace(applied, said=answering(tx, content, handed_in))


def record(tx: sa.Connection, ledger: Ledger, found: Submission, by: By) -> str:
    """Begin the case of a submission that was handed in; gives its number. Raises what `judge` and the case raise."""
    judged = judge(tx, ledger, found)
    if isinstance(judged, Methodology):
        case, _ = methodologies.submit(tx, ledger, judged, by)
    else:
        case = f"{PREFIXES[Record.SOURCE]}{apply_for(tx, ledger, judged.source, by, judged.assets, judged.said).id}"
    note_recorded(tx, found, by.actor, case, ledger.clock())
    return case


def stands(tx: sa.Connection, vault: Vault, found: Submission) -> Stands | None:
    """Tell how the case of a submission stands, by what is recorded; None before it has one."""
    if found.case is None:
        return None
    last = last_decision(tx, vault.sealer, found.case)
    return None if last is None else Stands(last.to_state, last.reason)


def _applied(content: Mapping[str, Any], applicant: int) -> Applied:
    if content["commits"] is not True:
        raise Invalid(
            "Say `commits`: the applicant commits not to apply under another greenhouse-gas mechanism and not to trade "
            "green power or green certificates (第二十三条)."
        )
    developer = content.get("developer")
    if developer == applicant:
        raise Conflict("An applicant that is the developer itself names no developer.")
    names, of = (content["name_zh"], content["name_en"]), (content["methodology"], content["version"])
    valid = _moment(content["valid_from"]), _moment(content["valid_until"])
    rural = DECLARED if content.get("rural") else None
    shares = checked_shares([Share(one["sharer"], one["name"], one["parts"]) for one in content.get("shares", [])])
    source = NewSource(
        content["kind"], *names, applicant, *of, *valid, content.get("district"), developer, rural, shares or None
    )
    stated = [Asset(one["kind"], one["identifier"]) for one in content.get("assets", [])]
    return Applied(checked_source(source), checked_assets(source.kind, stated))


def _moment(text: str) -> int:
    try:
        return moment(text)
    except Unreadable as error:
        raise Invalid(f"A time {error}.") from None

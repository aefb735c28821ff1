"""From a submission to a case: what is handed in is judged, and recorded by an officer of the centre."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import rfc8785
import sqlalchemy as sa

from registry.accounts.accounts import INSTITUTION, MAX_NAME_CHARS, open_row
from registry.accounts.vault import Vault
from registry.decisions.recalled import last_decision
from registry.decisions.recording import By
from registry.errors import Conflict, Invalid, NotFound, Unclassified
from registry.identity.mandates import APPLY, must_have_mandate
from registry.integrity.findings import Party, refuse_barred
from registry.ledger.ledger import Ledger
from registry.methodologies import deciding as methodologies
from registry.methodologies.published import decision_publishing
from registry.methodologies.record import Methodology, parse
from registry.procedure.decision import PREFIXES, SOURCE_KINDS, Record
from registry.procedure.fields import Unreadable, moment
from registry.sources.approval import apply_for
from registry.sources.sources import NewSource, checked_district
from registry.submissions.submissions import Submission, note_recorded
from registry.words import checked_words


@dataclass(frozen=True, slots=True)
class Stands:
    """How the case of a submission stands: its state, and the reason that its last decision gives, if it gives one."""

    state: str
    reason: str | None


def judge(tx: sa.Connection, found: Submission, at: int) -> Methodology | NewSource:
    """Read what a submission says, as far as whoever hands it in can be told what is wrong.

    Raises `MethodologyUnsound` with every fault of a text, `Unclassified`, `Invalid`, `NotFound`, `AccountErased`, and
    `Conflict` without the mandate of the developer it applies for.
    """
    content = dict(found.content or {})
    if found.record is Record.METHODOLOGY:
        methodology = parse(rfc8785.dumps(content["definition"]))
        if methodology.methodology_class is None:
            raise Unclassified(f"Methodology {methodology.key} has no class; say which, I or II, is applied for.")
        return methodology
    source = _source(content, found.account or 0)
    if open_row(tx, source.applicant_id).kind != INSTITUTION:
        raise Invalid("An institution applies for a source, not a person.")
    if decision_publishing(tx, source.methodology_code, source.methodology_version) is None:
        raise NotFound(f"Methodology {source.methodology_code} has no published version {source.methodology_version}.")
    refuse_barred(tx, Party(account=source.applicant_id), at)
    if source.developer_id is not None:
        must_have_mandate(tx, source.developer_id, source.applicant_id, APPLY, at)
    return source


def record(tx: sa.Connection, ledger: Ledger, found: Submission, by: By) -> str:
    """Begin the case of a submission that was handed in; gives its number. Raises what `judge` and the case raise."""
    judged = judge(tx, found, ledger.clock())
    if isinstance(judged, Methodology):
        case, _ = methodologies.submit(tx, ledger, judged, by)
    else:
        case = f"{PREFIXES[Record.SOURCE]}{apply_for(tx, ledger, judged, by).id}"
    note_recorded(tx, found, by.actor, case, ledger.clock())
    return case


def stands(tx: sa.Connection, vault: Vault, found: Submission) -> Stands | None:
    """Tell how the case of a submission stands, by what is recorded; None before it has one."""
    if found.case is None:
        return None
    last = last_decision(tx, vault.sealer, found.case)
    return None if last is None else Stands(last.to_state, last.reason)


def _source(content: Mapping[str, Any], applicant: int) -> NewSource:
    if content["kind"] not in SOURCE_KINDS:
        raise Invalid(f"A source is one of: {', '.join(SOURCE_KINDS)}.")
    if content["commits"] is not True:
        raise Invalid(
            "Say `commits`: the applicant commits not to apply under another greenhouse-gas mechanism and not to trade "
            "green power or green certificates (第二十三条)."
        )
    zh, en = (checked_words(content[name], "A source's name", MAX_NAME_CHARS) for name in ("name_zh", "name_en"))
    valid = _moment(content["valid_from"]), _moment(content["valid_until"])
    if valid[0] >= valid[1]:
        raise Invalid("A source is valid from a time until a later one.")
    new = NewSource(content["kind"], zh, en, applicant, content["methodology"], content["version"], *valid)
    developer = content.get("developer")
    if developer == applicant:
        raise Conflict("An applicant that is the developer itself names no developer.")
    return replace(new, district=checked_district(content.get("district")), developer_id=developer)


def _moment(text: str) -> int:
    try:
        return moment(text)
    except Unreadable as error:
        raise Invalid(f"A time {error}.") from None

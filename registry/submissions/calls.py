"""Calls (征集): from when until when applications for sources are asked for, with which documents, verified by whom.

What is handed in under a call is within its window and has each document that it asks for, by its SHA-256; where a
third party verifies, it is a service body of the register that nothing bars (R56).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.accounts import MAX_NAME_CHARS
from registry.database.schema import calls
from registry.errors import Conflict, Invalid, NotFound
from registry.identity.experts import standing_expert
from registry.identity.roles import Role
from registry.integrity.findings import refuse_barred
from registry.integrity.recorded import Party
from registry.procedure import fields
from registry.procedure.decision import SOURCE_KINDS, Officer
from registry.procedure.document import officer
from registry.procedure.fields import Unreadable
from registry.words import checked_words

SELF: Final = "self"
THIRD_PARTY: Final = "third-party"
VERIFICATIONS: Final = (SELF, THIRD_PARTY)
REPORT: Final = "verification-report"
"""The document that a third party's verification is, which such a call asks for."""
MOST_DOCUMENTS: Final = 30
MOST_LISTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call, open in [`opens_ms`, `closes_ms`), Unix milliseconds; `documents` are codes, a word each."""

    title_zh: str
    title_en: str
    kinds: Sequence[str]
    opens_ms: int
    closes_ms: int
    documents: Sequence[str]
    verification: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call on record."""

    id: int
    terms: NewCall
    entered_ms: int
    ended_ms: int | None

    def is_open(self, at: int) -> bool:
        """Whether something may be handed in under it at a time, Unix milliseconds."""
        end = self.terms.closes_ms if self.ended_ms is None else min(self.terms.closes_ms, self.ended_ms)
        return self.terms.opens_ms <= at < end


def open_call(tx: sa.Connection, new: NewCall, by: Officer, at: int) -> int:
    """Enter a call, and give its number. Raises `Invalid`."""
    for title in (new.title_zh, new.title_en):
        checked_words(title, "A call's title", MAX_NAME_CHARS)
    if not new.kinds or len(set(new.kinds)) != len(new.kinds) or not set(new.kinds) <= set(SOURCE_KINDS):
        raise Invalid(f"A call is for some of: {', '.join(SOURCE_KINDS)}, each once.")
    if not max(at, new.opens_ms) < new.closes_ms:
        raise Invalid("A call closes after it opens, and after now.")
    if len(set(new.documents)) != len(new.documents) or len(new.documents) > MOST_DOCUMENTS:
        raise Invalid(f"A call asks for {MOST_DOCUMENTS} documents at most, each once.")
    for code in new.documents:
        _check_code(code)
    if new.verification not in VERIFICATIONS:
        raise Invalid(f"`verification` is one of: {', '.join(VERIFICATIONS)}.")
    if new.verification == THIRD_PARTY and REPORT not in new.documents:
        raise Invalid(f"Where a third party verifies, the documents have its `{REPORT}`.")
    row = {
        "title_zh": new.title_zh, "title_en": new.title_en, "kinds": list(new.kinds), "opens_ms": new.opens_ms,
        "closes_ms": new.closes_ms, "documents": list(new.documents), "verification": new.verification,
        "entered_by": str(by), "entered_ms": at,
    }  # fmt: skip
    return int(tx.execute(sa.insert(calls).values(row).returning(calls.c.id)).scalar_one())


def end_call(tx: sa.Connection, number: int, by: Officer, at: int) -> Call:
    """End a call before its time. Raises `NotFound`, `Conflict` once it was ended."""
    found = get_call(tx, number)
    ended = {"ended_ms": max(at, found.entered_ms), "ended_by": str(by)}
    query = sa.update(calls).where(calls.c.id == number, calls.c.ended_ms.is_(None)).values(ended).returning(calls)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise Conflict(f"Call {number} was ended already.")
    return _call(row)


def get_call(tx: sa.Connection, number: int) -> Call:
    """Read a call. Raises `NotFound`."""
    row = tx.execute(sa.select(calls).where(calls.c.id == number)).one_or_none()
    if row is None:
        raise NotFound(f"There is no call {number}.")
    return _call(row)


def list_calls(tx: sa.Connection) -> list[Call]:
    """Give all calls, newest first, also those that are over."""
    return [_call(row) for row in tx.execute(sa.select(calls).order_by(calls.c.id.desc()).limit(MOST_LISTED))]


def answering(tx: sa.Connection, content: Mapping[str, Any], at: int) -> dict[str, str | list[str]]:
    """Hold an application that is handed in at a time (Unix ms) against its call; give what its document says of it.

    Without a call it says nothing. Raises `NotFound`, `Invalid` for what is missing, `Conflict` outside the window,
    `Barred` for a third party that is.
    """
    papers = {one["document"]: one["sha256"] for one in content.get("papers", [])}
    number, verifier = content.get("call"), content.get("verifier")
    if number is None:
        if papers or verifier is not None:
            raise Invalid("`papers` and `verifier` answer a call. Say which, in `call`, or leave them out.")
        return {}
    call = get_call(tx, number)
    if content["kind"] not in call.terms.kinds:
        raise Invalid(f"Call {number} is for: {', '.join(call.terms.kinds)}.")
    if not call.is_open(at):
        raise Conflict(f"Call {number} is not open now. Apply without it, or under another.")
    if len(papers) != len(content["papers"]) or set(papers) != set(call.terms.documents):
        raise Invalid(
            f"Call {number} asks for these documents, each once: {', '.join(call.terms.documents) or 'none'}."
        )
    if not all(map(fields.is_digest, papers.values())):
        raise Invalid("A document is named by its SHA-256, 64 digits of lower-case hex.")
    by = _verifier(tx, verifier, at) if call.terms.verification == THIRD_PARTY else SELF
    if by == SELF and verifier is not None:
        raise Invalid(f"Under call {number} applicants verify themselves. Leave `verifier` out.")
    said = [f"{code} {papers[code]}" for code in call.terms.documents]
    return {"call": str(number), "verification": by} | ({"papers": said} if said else {})


def _verifier(tx: sa.Connection, name: str | None, at: int) -> str:
    try:
        who = officer(name or "")
    except Unreadable:
        raise Invalid("A third party verifies: say in `verifier` which, such as service-body:3.") from None
    if who.authority != Role.SERVICE_BODY:
        raise Invalid("A third party is a service body of the register, such as service-body:3.")
    standing_expert(tx, who, at)
    refuse_barred(tx, Party(expert=who), at)
    return str(who)


def _check_code(code: str) -> None:
    try:
        fields.word(code)
    except Unreadable as error:
        raise Invalid(f"A document's code {error}.") from None


def _call(row: sa.Row[Any]) -> Call:
    terms = NewCall(row.title_zh, row.title_en, row.kinds, row.opens_ms, row.closes_ms, row.documents, row.verification)
    return Call(row.id, terms, row.entered_ms, row.ended_ms)

"""Submissions: drafts that become cases when the centre records them (R3, R7).

Whoever signed in hands in a methodology's text, an institution an application for a source. It is theirs until the
centre records it: then its case begins, and the decision of that is an officer's. Nothing of who handed it in is in the
case; a draft that is withdrawn leaves no content behind.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import rfc8785
import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.database.personal import Erased
from registry.database.schema import submissions
from registry.errors import Conflict, Invalid, NotFound
from registry.procedure.decision import Officer, Record
from registry.words import checked_words

MOST_OPEN: Final = 20
"""Drafts and what waits, of one who submits: nobody fills the tables of a city."""
MAX_WORDS_CHARS: Final = 2000
MOST_LISTED: Final = 1000
_CONTENT, _WORDS = "submission", "submission/words"


class State(StrEnum):
    """How a submission stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    """By the centre, with what is to be mended; it is a draft again."""
    RECORDED = "recorded"
    """Its case has begun, and goes on by the life cycle in force."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


OPEN: Final = (State.DRAFT, State.SUBMITTED, State.RETURNED)
MINE: Final = (State.DRAFT, State.RETURNED)
"""States in which who submits may correct it."""


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who asks: the digest of a subject (32 bytes), and the accounts for which it may apply."""

    digest: bytes
    accounts: frozenset[int]


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission; times are Unix milliseconds. `content` is None when it was withdrawn; `words` are the officer's."""

    id: int
    record: Record
    account: int | None
    district: str | None
    content: Mapping[str, Any] | None = field(repr=False)
    state: State
    made_ms: int
    changed_ms: int
    officer: str | None
    reason: str | None
    words: str | None = field(repr=False)
    case: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be kept of a submission: of an account, if it is an application, and of a district, if it says one."""

    record: Record
    content: Mapping[str, Any]
    account: int | None = None
    district: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why an officer returns or refuses a submission: a word, and for who handed it in what else there is to say."""

    state: State
    by: Officer
    reason: str
    words: str | None = field(repr=False)


def begin(tx: sa.Connection, vault: Vault, by: bytes, draft: Draft, at: int) -> int:
    """Keep a draft, and give its number. Raises `Conflict` beside too many of the same submitter."""
    tx.execute(_ONE, {"submitter": by.hex()})
    mine = submissions.c.submitter == by, submissions.c.state.in_(OPEN)
    if tx.execute(sa.select(sa.func.count()).where(*mine)).scalar_one() >= MOST_OPEN:
        raise Conflict(f"You have {MOST_OPEN} drafts and submissions that wait. Withdraw one first.")
    row = {
        "record": str(draft.record), "account_id": draft.account, "submitter": by, "district": draft.district,
        "content": _seal(vault, draft.content), "state": State.DRAFT, "made_ms": at, "changed_ms": at,
    }  # fmt: skip
    return int(tx.execute(sa.insert(submissions).values(row).returning(submissions.c.id)).scalar_one())


def correct(tx: sa.Connection, vault: Vault, found: Submission, draft: Draft, at: int) -> None:
    """Put another content in a draft's place. Raises `Conflict` once it was handed in."""
    _must_be(found, *MINE)
    if found.record is not draft.record or found.account != draft.account:
        raise Invalid(f"Submission {found.id} is about a {found.record}, and of the same account for good.")
    _change(tx, found, at, content=_seal(vault, draft.content), district=draft.district)


def must_be_draft(found: Submission) -> None:
    """Raise `Conflict` unless a submission can be corrected and handed in."""
    _must_be(found, *MINE)


def hand_in(tx: sa.Connection, found: Submission, at: int) -> None:
    """Hand a draft in; from then on it waits for the centre. Its content was judged by who calls this."""
    must_be_draft(found)
    _change(tx, found, at, state=State.SUBMITTED, officer=None, reason=None, words=None)


def withdraw(tx: sa.Connection, found: Submission, at: int) -> None:
    """Take a submission back: its content goes. Raises `Conflict` once its case has begun."""
    _must_be(found, *OPEN)
    _change(tx, found, at, state=State.WITHDRAWN, content=None, officer=None, reason=None, words=None)


def send_back(tx: sa.Connection, vault: Vault, found: Submission, verdict: Verdict, at: int) -> None:
    """Return a submission to be mended, or refuse it, with what there is to say to who handed it in."""
    must_wait(found)
    sealed = None
    if verdict.words is not None:
        said = checked_words(verdict.words, "What is said to who submitted", MAX_WORDS_CHARS)
        sealed = vault.seal_words(_WORDS, said.encode())
    _change(tx, found, at, state=verdict.state, officer=str(verdict.by), reason=verdict.reason, words=sealed)


def must_wait(found: Submission) -> None:
    """Raise `Conflict` unless a submission waits for the centre."""
    _must_be(found, State.SUBMITTED)


def note_recorded(tx: sa.Connection, found: Submission, by: Officer, case: str, at: int) -> None:
    """Note the case that it became."""
    _must_be(found, State.SUBMITTED)
    _change(tx, found, at, state=State.RECORDED, officer=str(by), case_number=case)


def own(tx: sa.Connection, vault: Vault, number: int, by: Submitter, *, lock: bool = False) -> Submission:
    """Read a submission of the caller's own, or of an account for which they may apply. Raises `NotFound`."""
    query = sa.select(submissions).where(submissions.c.id == number, _owned(by))
    return _one(tx, vault, query.with_for_update() if lock else query, number)


def handed_in(tx: sa.Connection, vault: Vault, number: int, *, lock: bool = False) -> Submission:
    """Read a submission as an officer may: once it was handed in. Raises `NotFound`."""
    seen = submissions.c.state.in_((State.SUBMITTED, State.RECORDED, State.REFUSED))
    query = sa.select(submissions).where(submissions.c.id == number, seen)
    return _one(tx, vault, query.with_for_update() if lock else query, number)


def list_own(tx: sa.Connection, vault: Vault, by: Submitter) -> list[Submission]:
    """Give what somebody submitted, newest first."""
    query = sa.select(submissions).where(_owned(by)).order_by(submissions.c.id.desc()).limit(MOST_LISTED)
    return [_submission(vault, row) for row in tx.execute(query)]


def list_waiting(tx: sa.Connection, vault: Vault, district: str | None = None) -> list[Submission]:
    """Give what waits for the centre, oldest first; with a district, what is of it alone."""
    waits = [submissions.c.state == State.SUBMITTED]
    waits += [] if district is None else [submissions.c.district == district]
    query = sa.select(submissions).where(*waits).order_by(submissions.c.id).limit(MOST_LISTED)
    return [_submission(vault, row) for row in tx.execute(query)]


def _owned(by: Submitter) -> sa.ColumnElement[bool]:
    """Say whose it is, in the statement: of an application the account's, of a methodology the author's."""
    of_account = submissions.c.account_id.in_(sorted(by.accounts))
    return sa.or_(of_account, sa.and_(submissions.c.account_id.is_(None), submissions.c.submitter == by.digest))


def _one(tx: sa.Connection, vault: Vault, query: sa.Select[Any], number: int) -> Submission:
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no submission {number} that you may see.")
    return _submission(vault, row)


def _must_be(found: Submission, *states: State) -> None:
    if found.state not in states:
        raise Conflict(f"Submission {found.id} is {found.state}; this is for one that is {' or '.join(states)}.")


def _change(tx: sa.Connection, found: Submission, at: int, **values: object) -> None:
    changed = {"changed_ms": sa.func.greatest(at, submissions.c.made_ms), **values}
    tx.execute(sa.update(submissions).where(submissions.c.id == found.id).values(changed))


def _seal(vault: Vault, content: Mapping[str, Any]) -> bytes:
    try:
        written = rfc8785.dumps(dict(content))
        rfc8785.dumps(
            json.loads(written)
        )  # a fraction over 2**53 is written as a whole number that cannot be written again
        return vault.seal_words(_CONTENT, written)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise Invalid(f"The content cannot be kept as JSON: {error}.") from None


def _submission(vault: Vault, row: sa.Row[Any]) -> Submission:
    content = None if row.content is None else json.loads(vault.open_words(_CONTENT, bytes(row.content)))
    words = None if row.words is None else vault.open_words(_WORDS, bytes(row.words)).decode()
    return Submission(
        row.id, Record(row.record), row.account_id, row.district, content, State(row.state), row.made_ms,
        row.changed_ms, row.officer, row.reason, words, row.case_number,
    )  # fmt: skip


def _leave(tx: sa.Connection, account: Erased) -> None:
    """Take away what was submitted for an account, and by who acts for this account and is known for nothing else."""
    tx.execute(_OF_ACCOUNT, {"account": account.number})


_ONE = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/submitter/' || :submitter, 0))")
_OF_ACCOUNT = sa.text("""
    DELETE FROM submissions WHERE account_id = :account OR submitter IN (
        SELECT s.digest FROM subjects s JOIN grants g ON g.subject_id = s.id WHERE g.account_id = :account
            AND NOT EXISTS (SELECT FROM officers o WHERE o.subject_id = s.id)
            AND NOT EXISTS (
                SELECT FROM grants other WHERE other.subject_id = s.id AND other.account_id IS DISTINCT FROM :account
            )
    ) AND account_id IS NULL
""")
ERASING = (_leave,)

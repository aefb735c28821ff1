"""Findings as records of the log (R74): what is found, upheld and lifted is a decision that outsiders replay.

The document names an expert or a service body by number, an account by a digest under the account's own key: its holder
can show that it is meant, nobody can try numbers out, and with the key the tie is gone. Reasons, appeal and answer are
bound by their salted digests.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from registry.accounts.accounts import get_account
from registry.decisions.recalled import hold_parties
from registry.decisions.recording import By, Decided, Pending, Step, next_case, prepare
from registry.decisions.returning import Recorded, Returning
from registry.evidence.document import SALT_BYTES, field_digest
from registry.ledger.ledger import Ledger
from registry.procedure.decision import LIFTED, POOL, Officer, Record, Sanction
from registry.procedure.document import officer

UPHELD: Final = "upheld"
_LABEL: Final = b"gramledger/party/v1"


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a finding is about: an expert or service body, or an account."""

    expert: Officer | None = None
    account: int | None = None

    def __str__(self) -> str:
        """Name it for a lock; this is never shown."""
        return str(self.expert) if self.expert is not None else f"account:{self.account}"


@dataclass(frozen=True, slots=True)
class Found:
    """What two officers found; `reasons` are people's words, of which the log has a digest."""

    party: Party
    finding: str
    bars: bool
    until_ms: int
    reasons: str = field(repr=False)


def salt() -> str:
    """Draw what keeps the words of one finding from being guessed by their digests."""
    return urlsafe_b64encode(secrets.token_bytes(SALT_BYTES)).decode().rstrip("=")


def find(tx: sa.Connection, ledger: Ledger, found: Found, salted: str, by: By) -> tuple[str, Decided]:
    """Record what was found; gives its case. Raises `DecisionRefused`, and what reading an account raises."""
    case = next_case(tx, Record.FINDING)
    pending = _pending(tx, ledger, case, found.party)
    party = _named(tx, ledger, found.party)
    content = Sanction(party, found.finding, found.bars, found.until_ms)
    shown: dict[str, str | list[str]] = {"reasons_sha256": field_digest(salted, "reasons", found.reasons)}
    return case, pending.take(tx, Step("find", "in-force", by, content, shown=shown))


def settle(
    tx: sa.Connection, ledger: Ledger, case: str, party: Party, salted: str, words: Mapping[str, str], by: By,
    *, upheld: bool,
) -> Decided:  # fmt: skip
    """Record what the answer to an appeal does; `words` are `appeal` and `answer`. Raises `DecisionRefused`."""
    pending = _pending(tx, ledger, case, party)
    shown: dict[str, str | list[str]] = {
        f"{name}_sha256": field_digest(salted, name, text) for name, text in words.items()
    }
    decision, to_state = ("uphold", UPHELD) if upheld else ("lift", LIFTED)
    return pending.take(tx, Step(decision, to_state, by, shown=shown))


def know_bars(tx: sa.Connection, pending: Pending, experts: Iterable[Officer]) -> None:
    """Have a decision know what the log found about some experts; none is found until its transaction ends."""
    asked = sorted(map(str, experts))
    hold_parties(tx, asked, share=True)
    pending.know(tx, tx.execute(_CASES, {"parties": asked}).scalars().all())


def _pending(tx: sa.Connection, ledger: Ledger, case: str, party: Party) -> Pending:
    """Hold a finding and then its party: whoever counts an opinion does so last, too."""
    pending = prepare(tx, ledger, Record.FINDING, case)
    hold_parties(tx, [str(party)], share=False)
    pending.read_clock()
    return pending


def _named(tx: sa.Connection, ledger: Ledger, party: Party) -> str:
    if party.expert is not None:
        return str(party.expert)
    key = get_account(tx, ledger.vault, party.account or 0).key
    return hmac.digest(key, _LABEL, hashlib.sha256).hex()


def _return(tx: sa.Connection, recorded: Recorded) -> None:
    """Have again a finding about an expert that was lost, without its words; an account nobody knows by its digest."""
    decision, content = recorded.decision, recorded.decision.content
    said = {"case": decision.case, "actor": str(decision.actor), "at": decision.at}
    if isinstance(content, Sanction) and content.party.partition(":")[0] in POOL:
        whose = officer(content.party)
        row = {"role": whose.authority, "number": whose.number, "finding": content.finding, "bars": content.bars}
        row |= {"second": str(decision.second), "until": content.until}
        tx.execute(_AGAIN, said | row)
    elif decision.to_state in {UPHELD, LIFTED}:
        tx.execute(_SETTLED, said | {"state": LIFTED if decision.to_state == LIFTED else "in-force"})


RETURNING: Final[Mapping[Record, Returning]] = {Record.FINDING: _return}
_CASES = sa.text("""
    SELECT case_number FROM integrity WHERE case_number IS NOT NULL AND role || ':' || number = ANY (:parties)
""")
_AGAIN = sa.text("""
    INSERT INTO integrity (
        role, number, finding, bars, state, opened_by, opened_ms, approved_by, approved_ms, until_ms, case_number
    )
    SELECT role, number, :finding, :bars, 'in-force', :actor, :at, :second, :at, :until, :case
    FROM experts WHERE role = :role AND number = :number ON CONFLICT (case_number) DO NOTHING
""")
_SETTLED = sa.text("""
    UPDATE integrity SET state = :state, answered_by = :actor, answered_ms = greatest(appealed_ms, :at)
    WHERE case_number = :case AND answered_ms IS NULL
""")

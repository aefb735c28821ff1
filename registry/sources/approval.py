"""A source's way from its application to where it issues, each step a decision of its case (`S-` and its number)."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Final

import sqlalchemy as sa

from registry.accounts.accounts import INSTITUTION, open_row
from registry.database.schema import batches, sources
from registry.decisions.recalled import case_deciding
from registry.decisions.recording import By, Officers, Pending, Step, open_case, prepare
from registry.errors import Invalid, NotFound
from registry.events.outbox import tell
from registry.events.types import SOURCE_DECIDED
from registry.integrity.findings import refuse_barred
from registry.integrity.recorded import Party
from registry.ledger.ledger import Ledger
from registry.methodologies.published import decision_publishing
from registry.opinions.opinions import counted, illustrative
from registry.procedure import table
from registry.procedure.decision import LIVE, PREFIXES, Mending, Opinion, Record, SourceTerms
from registry.procedure.fields import NONE
from registry.sources.assets import CHECKED, Asset, held_against_lists, keep_assets, refuse_listed
from registry.sources.given import NOTHING, TRIAL, Given, checked_given
from registry.sources.given import illustrative as illustrative_given
from registry.sources.objections import named_by
from registry.sources.sources import DECLARED, REVIEWED, NewSource, Source, get_source

NOTHING_MORE: Final[Mapping[str, str | list[str]]] = {}
WAY: Final = ("accept", "review", "open_publicity", "publish", "connect", "start")
"""The decisions that lead from an application to a source that issues, where nobody objects; a project needs no
`connect`."""


def apply_for(
    tx: sa.Connection,
    ledger: Ledger,
    new: NewSource,
    by: By,
    assets: Sequence[Asset] = (),
    said: Mapping[str, str | list[str]] = NOTHING_MORE,
) -> Source:
    """Record an application, with what else its document says.

    Raises what `must_be_admissible` does, and `DecisionRefused` when a rule forbids it.
    """
    must_be_admissible(tx, ledger, new, assets)
    values = {field.name: getattr(new, field.name) for field in fields(NewSource)}
    number = int(tx.execute(sa.insert(sources).values(values).returning(sources.c.id)).scalar_one())
    source = Source(id=number, **values)
    keep_assets(tx, ledger.vault, number, assets)
    open_case(tx, Record.SOURCE, number)
    terms = _terms(tx, source)
    # The accounts' numbers are their holders' to know.
    parties = {"applicant_id": str(new.applicant_id)}
    parties |= {} if new.developer_id is None else {"developer_id": str(new.developer_id)}
    step = Step("apply", "applied", by, terms, shown=_names(source) | dict(said), withheld=parties)
    _prepare(tx, ledger, number, terms).take(tx, step)
    return source


def must_be_admissible(tx: sa.Connection, ledger: Ledger, new: NewSource, assets: Sequence[Asset]) -> None:
    """Check what an application rests on, beside what it says itself.

    Raises `NotFound` without its methodology or applicant, `AccountErased`, `Invalid` for a person, `Barred`, and what
    `refuse_listed` does.
    """
    must_be_institution(tx, new.applicant_id)
    if decision_publishing(tx, new.methodology_code, new.methodology_version) is None:
        raise _unpublished(new)
    refuse_barred(tx, Party(account=new.applicant_id), ledger.clock())
    refuse_listed(tx, ledger.vault, new, assets)


def must_be_institution(tx: sa.Connection, applicant: int) -> None:
    """Raise `Invalid` where a person would apply, `NotFound` or `AccountErased` where nobody is."""
    if open_row(tx, applicant).kind != INSTITUTION:
        raise Invalid("An institution applies for a source, not a person.")


def next_step(tx: sa.Connection, ledger: Ledger, source_id: int, decision: str) -> tuple[Pending, Source, table.Step]:
    """Hold a source's case, and give the source with the step that a decision is in the life cycle in force.

    Raises `NotFound`, or `DecisionRefused` when there is no such step from where the case stands.
    """
    source = get_source(tx, source_id)
    pending = _prepare(tx, ledger, source_id, _terms(tx, source))
    return pending, source, pending.next_step(decision, source.kind)


def take(tx: sa.Connection, pending: Pending, source: Source, step: table.Step, by: By, given: Given = NOTHING) -> str:
    """Take a step, with the opinions on how the case stands; gives the state that it leads to.

    Publicity opens now, for as short as it may be.

    Raises `DecisionRefused` when a rule forbids it, for one because a waiting time is not over, `NotFound` for a test
    run that is none, and what `checked_given`, `held_against_lists` and `named_by` do.
    """
    given = checked_given(step, given, is_marked=source.rural == DECLARED)
    if TRIAL in given.hashes:
        _must_be_tried(tx, source, given.hashes[TRIAL])
    return _take(tx, pending, source, step, by, given, counted(tx, pending))


def _must_be_tried(tx: sa.Connection, source: Source, sha256: str) -> None:
    tried = sa.select(sa.literal(1)).where(
        batches.c.source_id == source.id, batches.c.sha256 == bytes.fromhex(sha256), batches.c.state == "judged"
    )
    if tx.execute(tried).first() is None:
        raise NotFound(f"No batch of source {source.id} that was judged has this SHA-256: no test run to accept.")


def _take(
    tx: sa.Connection,
    pending: Pending,
    source: Source,
    step: table.Step,
    by: By,
    given: Given,
    opinions: tuple[Opinion, ...],
) -> str:
    publicity = pending.publicity() if step.opens_publicity else None
    if given.valid_until_ms is not None:
        source = replace(source, valid_until_ms=given.valid_until_ms)
    if given.is_rural is not None:
        source = replace(source, rural=REVIEWED if given.is_rural else None)
    terms, shown = _terms(tx, source), _names(source) | dict(given.hashes)
    if step.decision in CHECKED:
        shown |= held_against_lists(tx, pending.ledger.vault, source)
    mending = _mending(pending, step, given)
    documents = named_by(tx, pending.case, step.decision)
    said = Step(
        step.decision, step.to_state, by, terms, publicity, shown=shown, opinions=opinions, mending=mending,
        documents=documents,
    )  # fmt: skip
    at = pending.take(tx, said).at
    if given.valid_until_ms is not None:
        tx.execute(_RENEW, {"source": source.id, "until": given.valid_until_ms})
    if given.is_rural is not None:
        tx.execute(_MARK, {"source": source.id, "rural": source.rural})
    told = {"case": pending.case, "decision": step.decision, "state": step.to_state}
    tell(tx, SOURCE_DECIDED, source.applicant_id, at, told)
    return step.to_state


def _mending(pending: Pending, step: table.Step, given: Given) -> Mending | None:
    if step.meets_deadline:
        return Mending(None)
    return Mending(pending.mend_until(given.mend_days or step.sets_deadline)) if step.sets_deadline else None


def advance(tx: sa.Connection, ledger: Ledger, source_id: int, officers: Mapping[str, Officers]) -> str:
    """Take the next decision on the way to where a source issues; gives the state that it leads to.

    `officers` are by authority. Raises what `next_step` and `take` raise.
    """
    source = get_source(tx, source_id)
    pending = _prepare(tx, ledger, source_id, _terms(tx, source))
    state = NONE if pending.before is None else pending.before.state
    for step in _way(source.kind):
        if state in step.from_states:
            in_force = pending.next_step(step.decision, source.kind)
            # By experts who are numbers and nobody else, as the officers are: this way is for demonstrations.
            by, given = _by(in_force, officers), illustrative_given(in_force)
            return _take(tx, pending, source, in_force, by, given, illustrative(in_force.opinions))
    return state


def approve(tx: sa.Connection, ledger: Ledger, new: NewSource, officers: Mapping[str, Officers]) -> Source:
    """Take a source all the way to where it issues, in a city whose publicity has no waiting time."""
    source = apply_for(tx, ledger, new, officers["centre"].proposing)
    while advance(tx, ledger, source.id, officers) != LIVE:
        pass
    return source


def _way(kind: str) -> list[table.Step]:
    steps = table.shipped(Record.SOURCE).steps
    return [step for step in steps if step.decision in WAY and (not step.kinds or kind in step.kinds)]


def _by(step: table.Step, officers: Mapping[str, Officers]) -> By:
    """Choose who decides and who approves, of the authorities that a step names: another one where that may be."""
    actor = next(one for one in sorted(step.by) if one in officers)
    seconds = sorted(step.second & officers.keys(), key=lambda one: (one == actor, one))
    return By(officers[actor].actor, officers[seconds[0]].second if seconds else None)


def _prepare(tx: sa.Connection, ledger: Ledger, source_id: int, terms: SourceTerms) -> Pending:
    methodology = case_deciding(tx, bytes.fromhex(terms.methodology or ""))
    cases = () if methodology is None else (methodology,)
    return prepare(tx, ledger, Record.SOURCE, f"{PREFIXES[Record.SOURCE]}{source_id}", cases=cases)


def _terms(tx: sa.Connection, of: Source) -> SourceTerms:
    decision = decision_publishing(tx, of.methodology_code, of.methodology_version)
    if decision is None:
        raise _unpublished(of)
    return SourceTerms(of.kind, decision.hex(), of.valid_from_ms, of.valid_until_ms)


def _unpublished(of: NewSource) -> NotFound:
    return NotFound(f"Methodology {of.methodology_code} has no published version {of.methodology_version}.")


def _names(of: Source) -> dict[str, str | list[str]]:
    district: dict[str, str | list[str]] = {} if of.district is None else {"district": of.district}
    rural: dict[str, str | list[str]] = {} if of.rural is None else {"rural": of.rural}
    shares: dict[str, str | list[str]] = {"shares": list(of.shares)} if of.shares else {}
    return {"name_zh": of.name_zh, "name_en": of.name_en, **district, **rural, **shares}


_MARK = sa.text("UPDATE sources SET rural = :rural WHERE id = :source")
_RENEW = sa.text("UPDATE sources SET valid_until_ms = :until WHERE id = :source")

"""What the public document of a decision says, field by field (docs/design.md, section 11)."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

from registry.evidence.document import Fields
from registry.procedure import fields as read
from registry.procedure.decision import (
    CLASSES,
    EFFECTIVE,
    MAX_OPINIONS,
    POOL,
    PREFIXES,
    SOURCE_KINDS,
    STANCES,
    Correction,
    Decision,
    Lot,
    Mending,
    MethodologyVersion,
    Officer,
    Opinion,
    PolicyText,
    Record,
    Sanction,
    SourceTerms,
)
from registry.procedure.fields import HASHED, Range, Reader, Unreadable


def parse(record: Record, fields: Fields) -> Decision:
    """Read the decision that a record's public document says, as `[salt, value]` or digests. Raises `Unreadable`."""
    reader = Reader(fields)
    to_state = reader.text("to", read.word)
    takes_effect = to_state == EFFECTIVE[record]
    reader.check(_COMMON | _OWN[record], () if takes_effect else _ONCE[record])
    return Decision(
        record=Record(reader.text("record", read.choice(record))),
        case=reader.text("case", _case(record)),
        decision=reader.text("decision", read.word),
        from_state=reader.text("from", read.word),
        to_state=to_state,
        previous=reader.text("previous", _digest_or_none),
        at=reader.text("at", read.moment),
        actor=reader.text("actor", officer),
        second=reader.maybe("second", officer),
        reason=reader.maybe("reason", read.word),
        documents=reader.texts("documents", read.digest) if "documents" in fields else (),
        publicity=_publicity(reader) if _PUBLICITY & fields.keys() else None,
        content=_CONTENTS[record](reader, takes_effect),
        opinions=_opinions(reader) if "opinions" in fields else (),
        mending=_mending(reader) if record is Record.SOURCE and "mend_until" in fields else None,
        hashes=frozenset(_hashes(fields)),
    )


def officer(text: str) -> Officer:
    """Read who acted, `centre:7`. Raises `Unreadable`."""
    authority, _, number = text.partition(":")
    try:
        return Officer(read.word(authority), read.count(number))
    except Unreadable:
        raise Unreadable("is no authority with an officer's number such as centre:7") from None


def _mending(reader: Reader) -> Mending:
    return Mending(reader.text("mend_until", _moment_or_none))


def _hashes(fields: Fields) -> Iterator[str]:
    for name, field in fields.items():
        if name.endswith(HASHED) and not isinstance(field, str) and read.is_digest(field[1]):
            yield name


def _opinions(reader: Reader) -> tuple[Opinion, ...]:
    found = reader.texts("opinions", _opinion)
    if not 0 < len({one.who for one in found}) == len(found) <= MAX_OPINIONS:
        raise Unreadable(f"opinions are 1 to {MAX_OPINIONS}, each of another expert or service body")
    return found


def _opinion(text: str) -> Opinion:
    parts = text.split(" ")
    try:
        whose, stance, reason, digest = parts
        who = officer(whose)
        read.choice(*POOL)(who.authority)
        return Opinion(who, read.choice(*STANCES)(stance), read.word(reason), read.digest(digest))
    except ValueError:  # Unreadable, or other than four parts
        raise Unreadable("is no opinion such as expert:3 for sound-baseline and a SHA-256") from None


def _case(record: Record) -> Callable[[str], str]:
    def number(text: str) -> str:
        prefix = PREFIXES[record]
        try:
            read.count(text.removeprefix(prefix) if text.startswith(prefix) else "")
        except Unreadable:
            raise Unreadable(f"is no case's number such as {prefix}1") from None
        return text

    return number


_digest_or_none: Final = read.unless_none(read.digest)
_moment_or_none: Final = read.unless_none(read.moment)


def _publicity(reader: Reader) -> Range:
    period = reader.text("publicity_from", read.moment), reader.text("publicity_until", read.moment)
    if period[0] >= period[1]:
        raise Unreadable("publicity_until is not after publicity_from")
    return period


def _policy(reader: Reader, _: bool) -> PolicyText:
    in_force = reader.text("in_force", read.moment)
    if in_force % 60_000:
        raise Unreadable("in_force is no whole minute")
    value = reader.text("value", str)
    read.canonical("value", value)
    return PolicyText(reader.text("name", read.name), value, in_force)


def _methodology(reader: Reader, is_published: bool) -> MethodologyVersion:
    definition = reader.text("definition", str) if is_published else None
    if definition is not None:
        read.canonical("definition", definition)
    return MethodologyVersion(
        reader.text("code", read.code),
        reader.text("version", read.count),
        reader.text("class", read.choice(*CLASSES)),
        reader.text("kind", read.choice(*SOURCE_KINDS)),
        definition,
    )


def _source(reader: Reader, _: bool) -> SourceTerms:
    terms = SourceTerms(
        reader.text("kind", read.unless_none(read.choice(*SOURCE_KINDS))),
        reader.text("methodology", _digest_or_none),
        reader.text("valid_from", _moment_or_none),
        reader.text("valid_until", _moment_or_none),
    )
    if terms.valid_from is not None and terms.valid_until is not None and terms.valid_from >= terms.valid_until:
        raise Unreadable("valid_until is not after valid_from")
    return terms


def _lot(reader: Reader, is_issued: bool) -> Lot | None:
    if not is_issued:
        return None
    first_g, quantity_g = reader.text("first_g", read.number), reader.text("quantity_g", read.count)
    if first_g + quantity_g >= read.END_OF_NUMBERS:
        raise Unreadable("first_g and quantity_g end above 2^63 - 1")
    period = reader.text("period_from", read.moment), reader.text("period_until", read.moment)
    if period[0] >= period[1]:
        raise Unreadable("period_until is not after period_from")
    return Lot(
        reader.text("source", read.digest),
        reader.text("methodology", read.digest),
        reader.texts("policies", read.digest),
        first_g,
        first_g + quantity_g,
        reader.text("accounts", read.count),
        period,
        reader.text("inputs_sha256", read.digest),
        reader.text("accepted", read.number),
        reader.texts("refused", _reason_and_count),
    )


def _nothing(reader: Reader, takes_effect: bool) -> None:
    """Read nothing: such a decision says what every one says."""


def _correction(reader: Reader, is_ordered: bool) -> Correction | None:
    if not is_ordered:
        return None
    ranges = reader.texts("ranges", read.span)
    if not ranges or any(one[1] > other[0] for one, other in pairwise(ranges)):
        raise Unreadable("ranges are empty, out of order or overlap")
    return Correction(
        reader.text("lot", read.digest),
        ranges,
        reader.text("voided_g", read.number),
        reader.text("shortfall_g", read.number),
    )


def _sanction(reader: Reader, is_in_force: bool) -> Sanction | None:
    if not is_in_force:
        return None
    return Sanction(
        reader.text("party", _party),
        reader.text("finding", read.word),
        reader.text("bars", read.choice("yes", "no")) == "yes",
        reader.text("until", read.moment),
    )


def _party(text: str) -> str:
    if read.is_digest(text):
        return text
    try:
        read.choice(*POOL)(officer(text).authority)
    except Unreadable:
        raise Unreadable("is no expert or service body such as expert:3, and no keyed digest of an account") from None
    return text


def _reason_and_count(text: str) -> tuple[str, int]:
    reason, _, count = text.partition(" ")
    try:
        return read.word(reason), read.count(count)
    except Unreadable:
        raise Unreadable("is no reason and count such as too_fast 3") from None


_PUBLICITY: Final = frozenset({"publicity_from", "publicity_until"})
_COMMON: Final = _PUBLICITY | {
    "record", "case", "decision", "from", "to", "previous", "at", "actor", "second", "reason", "documents",
    "opinions",
}  # fmt: skip
_LOT: Final = frozenset({
    "source", "methodology", "policies", "first_g", "quantity_g", "accounts", "period_from", "period_until",
    "inputs_sha256", "accepted", "refused",
})  # fmt: skip
_CORRECTION: Final = frozenset({"lot", "ranges", "voided_g", "shortfall_g"})
_SANCTION: Final = frozenset({"party", "finding", "bars", "until"})
_DEFINITION: Final = frozenset({"definition"})
_NOTHING: Final[frozenset[str]] = frozenset()
_OWN: Final = {
    Record.POLICY: frozenset({"name", "value", "in_force"}),
    Record.METHODOLOGY: _DEFINITION | {"code", "version", "class", "kind"},
    Record.SOURCE: frozenset({"kind", "methodology", "valid_from", "valid_until", "mend_until"}),
    Record.ISSUANCE: _LOT,
    Record.CORRECTION: _CORRECTION,
    Record.PROVIDER: _NOTHING,
    Record.FINDING: _SANCTION,
}
_ONCE: Final = {
    Record.POLICY: _NOTHING,
    Record.METHODOLOGY: _DEFINITION,
    Record.SOURCE: _NOTHING,
    Record.ISSUANCE: _LOT,
    Record.CORRECTION: _CORRECTION,
    Record.PROVIDER: _NOTHING,
    Record.FINDING: _SANCTION,
}
"""Fields that only the decision that takes effect has."""
_CONTENTS: Final[dict[Record, Callable[[Reader, bool], Any]]] = {
    Record.POLICY: _policy,
    Record.METHODOLOGY: _methodology,
    Record.SOURCE: _source,
    Record.ISSUANCE: _lot,
    Record.CORRECTION: _correction,
    Record.PROVIDER: _nothing,
    Record.FINDING: _sanction,
}

"""What the document of a decision says, written field by field: what `registry.procedure.document` reads."""

from registry.clock import rfc3339
from registry.procedure.decision import (
    Correction,
    Decision,
    Lot,
    MethodologyVersion,
    PolicyText,
    Sanction,
    SourceTerms,
)
from registry.procedure.fields import NONE, Range

Values = dict[str, str | list[str]]
"""Name -> value, as a document has it."""


def values_of(decision: Decision) -> Values:
    """Write a decision's fields, those that it has."""
    said: Values = {
        "record": str(decision.record),
        "case": decision.case,
        "decision": decision.decision,
        "from": decision.from_state,
        "to": decision.to_state,
        "previous": decision.previous or NONE,
        "at": rfc3339(decision.at),
        "actor": str(decision.actor),
    }
    if decision.second is not None:
        said["second"] = str(decision.second)
    if decision.reason is not None:
        said["reason"] = decision.reason
    if decision.documents:
        said["documents"] = list(decision.documents)
    if decision.opinions:
        said["opinions"] = [str(one) for one in decision.opinions]
    if decision.mending is not None:
        said["mend_until"] = _moment(decision.mending.until)
    if decision.publicity is not None:
        said |= _period("publicity", decision.publicity)
    return said | _content(decision)


def _content(decision: Decision) -> Values:
    match decision.content:
        case PolicyText() as policy:
            return {"name": policy.name, "value": policy.value, "in_force": rfc3339(policy.in_force)}
        case MethodologyVersion() as version:
            said: Values = {"code": version.code, "version": str(version.version)}
            said |= {"class": version.methodology_class, "kind": version.kind}
            return said if version.definition is None else said | {"definition": version.definition}
        case SourceTerms() as terms:
            return {
                "kind": terms.kind or NONE,
                "methodology": terms.methodology or NONE,
                "valid_from": _moment(terms.valid_from),
                "valid_until": _moment(terms.valid_until),
            }
        case Lot() as lot:
            return _lot(lot)
        case Correction() as correction:
            return {
                "lot": correction.lot,
                "ranges": [f"{first} {end}" for first, end in correction.ranges],
                "voided_g": str(correction.voided_g),
                "shortfall_g": str(correction.shortfall_g),
            }
        case Sanction() as sanction:
            return {
                "party": sanction.party,
                "finding": sanction.finding,
                "bars": "yes" if sanction.bars else "no",
                "until": rfc3339(sanction.until),
            }
    return {}


def _lot(lot: Lot) -> Values:
    return {
        "source": lot.source,
        "methodology": lot.methodology,
        "policies": list(lot.policies),
        "first_g": str(lot.first_g),
        "quantity_g": str(lot.end_g - lot.first_g),
        "accounts": str(lot.accounts),
        **_period("period", lot.period),
        "inputs_sha256": lot.inputs_sha256,
        "accepted": str(lot.accepted),
        "refused": [f"{reason} {count}" for reason, count in lot.refused],
    }


def _period(name: str, period: Range) -> Values:
    return {f"{name}_from": rfc3339(period[0]), f"{name}_until": rfc3339(period[1])}


def _moment(at: int | None) -> str:
    return NONE if at is None else rfc3339(at)

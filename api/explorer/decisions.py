"""What the templates are given of decisions, cases and policies, as each template's first comment names it."""

import json
from collections.abc import Iterable
from typing import Any, Final

from registry.clock import rfc3339
from registry.decisions.taken import Case, Taken
from registry.policies.kinds import kind_of
from registry.policies.versions import Version
from registry.procedure.decision import PREFIXES, Record
from registry.procedure.table import Words, shipped
from registry.sources.public import benefits_of

FACTS: Final = (
    "call",
    "papers",
    "verification",
    "documents",
    "lists",
    "matches",
    "mend_until",
    "contract_sha256",
    "devices_sha256",
    "trial_sha256",
)
"""What a decision on a source says beside what rules read, and its page shows."""


def case(of: Case) -> dict[str, Any]:
    """Show a case with its newest decisions."""
    record = next(record for record, prefix in PREFIXES.items() if of.number.startswith(prefix))
    return {
        "number": of.number,
        "record": str(record),
        "about": of.about,
        "state": _words(shipped(record).states.get(of.state), of.state),
        "decisions": decisions(of.decisions.items),
        "next_cursor": of.decisions.next_cursor,
        "computation": _computation(of.decisions.items),
    }


def _computation(of: Iterable[Taken]) -> dict[str, Any] | None:
    """Show what the newest version of a methodology computes, and what beside carbon (R69); None of other cases."""
    text = next((one.says["definition"] for one in of if "definition" in one.says), None)
    if text is None:
        return None
    said = json.loads(text)
    return {
        "version": said["version"],
        "formula": said["formula"],
        "benefits": benefits_of(said),
    }


def decisions(of: Iterable[Taken]) -> list[dict[str, Any]]:
    """Show decisions, each in the words of the life cycle that ships; what has none there is shown as it is written."""
    return [_decision(one) for one in of]


def policies(of: Iterable[Version]) -> list[dict[str, Any]]:
    """Show policies, each with its value as it was published."""
    return [_policy(one) for one in of]


def _decision(of: Taken) -> dict[str, Any]:
    says = of.says
    table = shipped(Record(says["record"]))
    step = next((one for one in table.steps if (one.decision, one.to_state) == (says["decision"], says["to"])), None)
    until = says.get("publicity_until")
    return {
        "index": of.index,
        "at": says["at"],
        "case": says["case"],
        "record": says["record"],
        "about": says.get("name") or says.get("code") or says.get("provider_name"),
        "words": _words(step.words if step else None, says["decision"]),
        "state": _words(table.states.get(says["to"]), says["to"]),
        "actor": _officer(says["actor"]),
        "second": _officer(says["second"]) if "second" in says else None,
        "reason": says.get("reason"),
        "facts": {name: _list(says[name]) for name in FACTS if name in says},
        "opinions": [_opinion(text) for text in says.get("opinions", ())],
        "publicity": None if until is None else {"begins": says["publicity_from"], "ends": until},
    }


def _policy(of: Version) -> dict[str, Any]:
    kind = kind_of(of.name)
    return {
        "name": of.name,
        "words": {"zh": kind.zh, "en": kind.en} if kind else _words(None, of.name),
        "case": of.case,
        "index": of.index,
        "in_force": rfc3339(of.in_force_ms) if of.in_force_ms else None,
        "value": json.dumps(of.value, ensure_ascii=False, indent=2),
    }


def _words(words: Words | None, code: str) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en} if words else {"zh": code, "en": code}


def _list(said: str | list[str]) -> list[str]:
    return [said] if isinstance(said, str) else said


def _opinion(text: str) -> dict[str, Any]:
    """Read `expert:3 for sound-baseline <digest>`, as the rules have read it before it was published."""
    who, stance, reason, digest = text.split(" ")
    return {"by": _officer(who), "stance": stance, "reason": reason, "digest": digest}


def _officer(text: str) -> dict[str, str]:
    authority, _, number = text.partition(":")
    return {"authority": authority, "number": number}

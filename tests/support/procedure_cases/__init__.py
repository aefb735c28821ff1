"""Logs of decisions, lawful ones and broken ones for each rule, with the faults and findings that the design names.

What is expected is written here by hand, from docs/design.md, section 11; no replay was asked.
"""

from importlib import import_module

from tests.support.procedure_cases.making import MAKERS, Case, origins_of

__all__ = ["cases", "named", "origins_of"]

RULES = (
    "lawful", "document", "previous", "state_of_case", "officers", "wait", "needs", "policy", "lot", "voided", "order",
    "clock",
)  # fmt: skip
"""A module each, in the order in which their cases stand."""
for _rule in RULES:
    import_module(f"{__name__}.{_rule}")


def cases() -> list[Case]:
    return [make() for make in MAKERS.values()]


def named(name: str) -> Case:
    """Make one of them: to make all takes seconds, which no module asks for while tests are collected."""
    return MAKERS[name]()

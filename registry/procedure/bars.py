"""Who is barred by a finding that the log has (R74): an opinion of theirs counts for nothing."""

from registry.procedure.decision import LIFTED, Decision, Sanction


class Bars:
    """Parties, each with the ends of the findings that bar it: memory follows those that were not lifted."""

    def __init__(self) -> None:
        """Begin with nobody barred."""
        self._by_case: dict[str, Sanction] = {}
        self._ends: dict[str, dict[str, int]] = {}

    def until(self, party: str, at: int) -> int | None:
        """Tell until when somebody is barred who is so at `at`, both Unix milliseconds; None for who is not."""
        ends = self._ends.get(party)
        latest = max(ends.values()) if ends else 0
        return latest if latest > at else None

    def take(self, decision: Decision) -> None:
        """Take a decision on a finding that was judged: it is in force, or lifted."""
        sanction = decision.content
        if isinstance(sanction, Sanction) or decision.to_state == LIFTED:
            self._lift(decision.case)
        if isinstance(sanction, Sanction) and sanction.bars:
            self._by_case[decision.case] = sanction
            self._ends.setdefault(sanction.party, {})[decision.case] = sanction.until

    def _lift(self, case: str) -> None:
        before = self._by_case.pop(case, None)
        if before is not None:
            del self._ends[before.party][case]

"""The policies that the log published, and which of them is in force at a time."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from registry.procedure import days, table, values
from registry.procedure.decision import Decision, PolicyText, Record
from registry.procedure.fields import Unreadable, shown
from registry.procedure.rule import Broken, Rule
from registry.procedure.table import Table
from registry.procedure.values import Behaviours, Calendar, Points, Publicity, Value


@dataclass(frozen=True, slots=True)
class Version:
    """A policy as one decision published it; `digest` is that decision's."""

    name: str
    in_force: int
    digest: str
    value: Value


@dataclass(slots=True)
class _Policy:
    case: str
    since: list[int] = field(default_factory=list)
    """When each version came into force; it only grows."""
    versions: list[Version] = field(default_factory=list)


class Policies:
    """All published versions, by name. Times are Unix milliseconds."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_name: dict[str, _Policy] = {}
        self._names: dict[str, str] = {}
        self._by_digest: dict[str, Version] = {}

    def check(self, decision: Decision, policy: PolicyText) -> Value:
        """Hold a decision on a policy to what was decided before, and read its value. Raises `Broken`."""
        name = self._names.get(decision.case, policy.name)
        if name != policy.name:
            raise Broken(Rule.POLICY, f"case {decision.case} is of {name}, not of {policy.name}")
        known = self._by_name.get(policy.name)
        if known is not None and known.case != decision.case:
            raise Broken(Rule.POLICY, f"{policy.name} is decided in case {known.case}")
        if decision.takes_effect and known is not None and known.since:
            if policy.in_force <= known.since[-1]:
                raise Broken(Rule.POLICY, f"it is in force no later than the version before, {shown(known.since[-1])}")
            if policy.in_force <= decision.at:
                raise Broken(Rule.POLICY, "it is in force before it was decided")
        try:
            return values.parse(policy.name, policy.value)
        except Unreadable as error:
            raise Broken(Rule.POLICY, str(error)) from error

    def take(self, decision: Decision, policy: PolicyText, digest: str, value: Value) -> None:
        """Take a decision that was checked."""
        self._names[decision.case] = policy.name
        known = self._by_name.setdefault(policy.name, _Policy(decision.case))
        if decision.takes_effect:
            version = Version(policy.name, policy.in_force, digest, value)
            known.since.append(policy.in_force)
            known.versions.append(version)
            self._by_digest[digest] = version

    def in_force(self, name: str, at: int) -> Version | None:
        """Give the version in force at a time: of those published so far the one that came into force last."""
        known = self._by_name.get(name)
        place = bisect_right(known.since, at) if known is not None else 0
        return known.versions[place - 1] if known is not None and place else None

    def of(self, digest: str) -> Version | None:
        """Give the version that a decision published."""
        return self._by_digest.get(digest)

    def table(self, record: Record, at: int) -> Table | None:
        """Give the life cycle in force. Until one of policies themselves is, it is the one that ships."""
        version = self.in_force(f"{values.PROCEDURE}{record}", at)
        if version is None:
            return table.shipped(record) if record is Record.POLICY else None
        return version.value if isinstance(version.value, Table) else None

    def calendar(self, year: int, at: int) -> Calendar | None:
        """Give the working days of a year."""
        version = self.in_force(f"{values.CALENDAR}{year}", at)
        return version.value if version is not None and isinstance(version.value, Calendar) else None

    def publicity_end(self, record: Record, opened: int, at: int) -> int:
        """Give when publicity that begins at `opened`, as decided at `at`, may end. Raises `Broken` if none can say."""
        version = self.in_force(values.PUBLICITY, at)
        lasting = version.value.working_days if version is not None and isinstance(version.value, Publicity) else {}
        if record not in lasting:
            raise Broken(Rule.WAIT, f"no policy in force says how long the publicity of a {record} lasts")
        return self.end_of_working_days(opened, lasting[record], at) if lasting[record] else opened

    def end_of_working_days(self, since: int, number: int, at: int) -> int:
        """Give the end of a number of working days, by the calendars in force at `at`. Raises `Broken`."""
        try:
            return days.end_of_working_days(since, number, lambda year: self.calendar(year, at))
        except Unreadable as error:
            raise Broken(Rule.WAIT, str(error)) from error

    def issues(self, code: str, at: int) -> bool:
        """Whether the behaviours of a methodology's code issue grams at `at`: not where no policy says so."""
        version = self.in_force(values.BEHAVIOURS, at)
        return version is not None and isinstance(version.value, Behaviours) and version.value.of(code).issues

    def since(self, name: str) -> Sequence[int]:
        """Give when each version of a policy came, or comes, into force, in order."""
        known = self._by_name.get(name)
        return () if known is None else known.since

    def points_until(self, at: int) -> int:
        """Give until when points are valid that are converted at `at`. Raises `Broken` when no policy says."""
        version = self.in_force(values.POINTS, at)
        if version is None or not isinstance(version.value, Points):
            raise Broken(Rule.POLICY, "no policy in force says how long points are valid")
        try:
            return days.valid_until(at, version.value.validity_years)
        except Unreadable as error:
            raise Broken(Rule.POLICY, str(error)) from error

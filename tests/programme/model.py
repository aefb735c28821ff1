"""The programme as its rule texts have it, in plain dictionaries: says of each decision what becomes of it.

An outcome is "" for what is done, the name of the rule that a decision breaks, or the code of the error.
"""

import datetime as dt
from dataclasses import dataclass, field

DAY = 86_400_000
MINUTE = 60_000
BEIJING = dt.timezone(dt.timedelta(hours=8))
REFUSED, FORBIDDEN, CONFLICT = "decision-refused", "forbidden", "conflict"
OFFICERS = [(authority, number) for authority in ("bureau", "centre", "exchange") for number in (1, 2, 3)]


def day_of(at):
    return dt.datetime.fromtimestamp(at // 1000, BEIJING).date()


def end_of(day):
    midnight = dt.datetime(day.year, day.month, day.day, tzinfo=BEIJING) + dt.timedelta(days=1)
    return int(midnight.timestamp()) * 1000


class NoCalendar(Exception):
    """Nobody can say which days of a year work."""


@dataclass
class Case:
    """How a case stands after its last decision, which was of `at` and by `actor`."""

    state: str
    at: int
    actor: tuple
    kind: str = ""
    code: str = ""
    version: int = 0
    publicity_until: int | None = None
    mend_until: int | None = None


@dataclass
class Motion:
    """A decision that `mover` moved; of a policy what is proposed stands in the city."""

    case: tuple
    decision: str
    mover: tuple
    reason: str | None = None


@dataclass
class City:
    """Cases by ("policy", name), ("methodology", code) and ("source", number)."""

    cases: dict = field(default_factory=dict)
    versions: dict = field(default_factory=dict)
    """Policy -> [(in force from, value)], as they were published."""
    proposals: dict = field(default_factory=dict)
    texts: dict = field(default_factory=dict)
    """(code, version) -> which of its texts."""
    published: dict = field(default_factory=dict)
    """Code -> numbers of the versions that were published."""
    motions: dict = field(default_factory=dict)
    converted: list = field(default_factory=list)
    """When points were converted."""

    # what is in force

    def version(self, name, at):
        begun = [version for version in self.versions.get(name, []) if version[0] <= at]
        return max(begun, key=lambda version: version[0]) if begun else None

    def in_force(self, name, at):
        version = self.version(name, at)
        return None if version is None else version[1]

    def points_until(self, at):
        day = day_of(at)
        year = day.year + self.in_force("points", at)["validity_years"]
        last = day.day if day.month != 2 or day.day != 29 or year % 4 == 0 else 28
        return end_of(dt.date(year, day.month, last)) - 1

    def publicity_end(self, at):
        """When publicity that opens now may end. Raises where the calendar of a year on the way is missing."""
        left = self.in_force("publicity", at)["source"]
        return at + 1 if left == 0 else self.end_of_working_days(at, left)

    def end_of_working_days(self, at, left):
        day = day_of(at)
        while left:
            day += dt.timedelta(days=1)
            calendar = self.in_force(f"calendar/{day.year}", at)
            if calendar is None:
                raise NoCalendar
            is_work = day.isoweekday() <= 5 and str(day) not in calendar["holidays"]
            left -= is_work or str(day) in calendar["workdays"]
        return end_of(day)

    def issues(self, code, at):
        return bool(((self.in_force("behaviours", at) or {}).get("behaviours", {}).get(code) or {}).get("issues"))

    # decisions

    def state(self, case):
        return self.cases[case].state if case in self.cases else "none"

    def time(self, case, now, *rests_on):
        """When a decision of a case that is taken now is taken: each is later than the one before it."""
        before = [self.cases[case].at + 1] if case in self.cases else []
        return max([now, *before, *(self.cases[other].at for other in rests_on)])

    def step(self, case, decision, at):
        kind = self.cases[case].kind if case in self.cases else ""
        for step in self.in_force(f"procedure/{case[0]}", at)["steps"]:
            is_for = case[0] != "source" or kind in step.get("kinds", [kind])
            if is_for and step["decision"] == decision and self.state(case) in step["from"]:
                return step
        return None

    def propose(self, name, value, in_force, actor, now):
        """Propose a policy, and move its publication."""
        case = "policy", name
        at = self.time(case, now)
        if in_force <= now and self.versions.get(name):
            return REFUSED
        if self.step(case, "propose", at) is None:
            return "STATE_OF_CASE"
        if actor[0] != "bureau":
            return "ACTOR"
        self.cases[case] = Case("proposed", at, actor)
        self.proposals[name] = in_force, value
        return ""

    def publish(self, name, actor, second, now):
        """Publish what is proposed."""
        case = "policy", name
        at, (in_force, value) = self.time(case, now), self.proposals[name]
        if self.state(case) != "proposed":
            return "STATE_OF_CASE"
        if second in {actor, self.cases[case].actor}:
            return "SECOND"
        earlier = [version[0] for version in self.versions.get(name, [])]
        if earlier and in_force <= max(*earlier, at):
            return "POLICY"
        if name == "points" and any(when >= in_force for when in self.converted):
            return REFUSED
        self.versions.setdefault(name, []).append((in_force, value))
        self.cases[case] = Case("published", at, actor)
        return ""

    def withdraw(self, name, actor, now):
        case = "policy", name
        self.cases[case] = Case("withdrawn", self.time(case, now), actor)

    def submit(self, code, version, text, actor, now):
        """Take a methodology's text in; of one that is published it waits."""
        case = "methodology", code
        if self.texts.get((code, version), text) != text:
            return CONFLICT
        if self.state(case) not in {"none", "published"}:
            return "STATE_OF_CASE"
        self.texts[code, version] = text
        if self.state(case) == "none":
            self.cases[case] = Case("submitted", self.time(case, now), actor, "scenario", code, version)
        return ""

    def apply(self, number, code, version, actor, now):
        """Apply with a source under a version that is published."""
        if version not in self.published.get(code, []):
            return "not-found"
        methodology, case = ("methodology", code), ("source", number)
        kind = self.cases[methodology].kind
        self.cases[case] = Case("applied", self.time(case, now, methodology), actor, kind, code, version)
        return ""

    def rests_on(self, case):
        return [("methodology", self.cases[case].code)] if case[0] == "source" else []

    def decide(self, case, decision, officer, reason, now):
        """Take a decision, or move it: gives the outcome, and whether it waits for a second officer."""
        step = self.step(case, decision, self.time(case, now, *self.rests_on(case)))
        if step is None or not self.has_text(case, decision):
            return REFUSED, False
        if (case[0], decision) == ("methodology", "refuse") and reason is None:
            return "invalid", False
        if officer[0] not in step["by"]:
            return FORBIDDEN, False
        if step.get("says"):
            return "invalid", False  # no hash is given here
        if step.get("second"):
            waits = any(motion.case == case for motion in self.motions.values())
            return (CONFLICT, False) if waits else ("", True)
        return self.take(case, decision, step, officer, None, now, reason), False

    def approve(self, motion, officer, now):
        """Approve a motion: the decision is taken with both in it."""
        case, decision, mover = motion.case, motion.decision, motion.mover
        if case[0] == "policy":
            if officer[0] != "bureau":
                return FORBIDDEN
            return CONFLICT if officer == mover else self.publish(case[1], mover, officer, now)
        step = self.step(case, decision, self.time(case, now, *self.rests_on(case)))
        if step is None or not self.has_text(case, decision):
            return REFUSED
        if officer[0] not in step.get("second", []):
            return FORBIDDEN
        if officer == mover:
            return CONFLICT
        return "invalid" if step.get("says") else self.take(case, decision, step, mover, officer, now, motion.reason)

    def has_text(self, case, decision):
        """A revision is to the version after the last, whose text was submitted."""
        return decision != "revise" or (case[1], self.cases[case].version + 1) in self.texts

    def take(self, case, decision, step, actor, second, now, reason=None):
        found, at = self.cases[case], self.time(case, now, *self.rests_on(case))
        try:
            publicity, mend_until = self.publicity_after(found, step, at), self.mend_until_after(found, step, at)
        except NoCalendar:
            return REFUSED
        if actor[0] not in step["by"]:
            return "ACTOR"
        if second is not None and second in {actor, found.actor}:
            return "SECOND"
        if self.has_to_wait(found, step, at, publicity):
            return "WAIT"
        if self.lacks(found, step, reason):
            return "NEEDS"
        version = found.version + (decision == "revise")
        if case[0] == "methodology" and step["to"] == "published":
            self.published.setdefault(found.code, []).append(version)
        self.cases[case] = Case(step["to"], at, actor, found.kind, found.code, version, publicity, mend_until)
        return ""

    def needs(self, number, now):
        """Whether something is not as it must be for a source to issue."""
        source = self.cases["source", number]
        if source.mend_until is not None and self.time_to_issue(number, now) >= source.mend_until:
            return True
        return source.state != "live" or self.cases["methodology", source.code].state != "published"

    def time_to_issue(self, number, now):
        source = self.cases["source", number]
        return max(now, source.at, self.cases["methodology", source.code].at) + 1

    def publicity_after(self, found, step, at):
        if not step.get("opens_publicity"):
            return found.publicity_until
        return max(found.publicity_until or 0, self.publicity_end(at))

    def mend_until_after(self, found, step, at):
        if step.get("meets_deadline"):
            return None
        if not step.get("sets_deadline"):
            return found.mend_until
        end = self.end_of_working_days(at, step["sets_deadline"])
        return min(end, found.mend_until or end)

    def has_to_wait(self, found, step, at, publicity):
        if step.get("after_publicity") and (publicity is None or at < publicity):
            return True
        if step.get("in_last_months"):
            return True  # every approval here ends in a hundred years
        return bool(step.get("in_deadline") and found.mend_until and at >= found.mend_until)

    def lacks(self, found, step, reason):
        needs = step.get("needs", {}).get("methodology", [])
        if needs and self.state(("methodology", found.code)) not in needs:
            return True
        # Nobody gives an opinion here.
        return bool(step.get("opinions")) or (step.get("gives_reason", False) and reason is None)

    def issue(self, number, now):
        """Issue what a source reports, by the points policy of now."""
        source = self.cases["source", number]
        methodology = self.cases["methodology", source.code]
        at = self.time_to_issue(number, now)
        if self.needs(number, now):
            return "NEEDS"
        if self.version("points", now) != self.version("points", at):
            return "POLICY"
        return "POLICY" if methodology.kind == "behaviour" and not self.issues(source.code, at) else ""

"""The design's section 11 once more, read sentence by sentence and written down without looking at the code.

Each leaf is held against the list of all lawful ones before it, which is searched anew for every question. Slow, and
structured as the text is, so that a fault in the replay is not repeated here.
"""

import datetime as dt
import json
import re

KINDS = {64: "policy", 65: "methodology", 66: "source", 69: "issuance", 70: "correction", 75: "finding", 76: "provider"}
PREFIX = {"provider": "B"}
EFFECT = {
    "policy": "published",
    "methodology": "published",
    "source": "published",
    "issuance": "issued",
    "correction": "ordered",
    "provider": "live",
    "finding": "in-force",
}
ONCE = {
    "methodology": {"definition"},
    "issuance": {
        "source",
        "methodology",
        "policies",
        "first_g",
        "quantity_g",
        "accounts",
        "period_from",
        "period_until",
        "inputs_sha256",
        "accepted",
        "refused",
    },
    "correction": {"lot", "ranges", "voided_g", "shortfall_g"},
    "finding": {"party", "finding", "bars", "until"},
}
ALWAYS = {
    "policy": {"name", "value", "in_force"},
    "methodology": {"code", "version", "class", "kind"},
    "source": {"kind", "methodology", "valid_from", "valid_until"},
}
EACH = {"record", "case", "decision", "from", "to", "previous", "at", "actor"}
MAYBE_OF = {"source": {"mend_until"}}
MAYBE = {"second", "reason", "documents", "publicity_from", "publicity_until", "opinions"}
SOURCE_KINDS = {"project", "scenario", "behaviour"}
LISTS = {"documents", "policies", "refused", "ranges", "opinions"}
SHORT = r"(?=.{1,64}$)"
PLAIN_WORD = r"[a-z][a-z0-9]*([_-][a-z0-9]+)*"
WORD = SHORT + PLAIN_WORD
NUMBER, POSITIVE, HASH = r"0|[1-9]\d{0,18}", r"[1-9]\d{0,18}", r"[0-9a-f]{64}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
OFFICER = rf"(?=[^:]{{1,64}}:){PLAIN_WORD}:{POSITIVE}"
FORMS = {
    "previous": f"none|{HASH}",
    "methodology": f"none|{HASH}",
    "in_force": r"\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z",
    "name": SHORT + r"[a-z][a-z0-9-]*(/[a-z0-9-]+)*",
    "code": SHORT + r"[A-Za-z0-9][A-Za-z0-9-]*",
    "class": "I|II",
    "refused": rf"{PLAIN_WORD} {POSITIVE}",
    "ranges": rf"({NUMBER}) ({NUMBER})",
}
FORMS["opinions"] = rf"(expert|service-body):{POSITIVE} (for|against|conditions) (?=[^ ]{{1,64}} ){PLAIN_WORD} {HASH}"
FORMS |= dict.fromkeys(("decision", "from", "to", "reason"), WORD)
FORMS |= dict.fromkeys(("at", "publicity_from", "publicity_until", "period_from", "period_until"), TIME)
FORMS |= dict.fromkeys(("valid_from", "valid_until", "mend_until"), f"none|{TIME}")
FORMS |= dict.fromkeys(("actor", "second"), OFFICER)
FORMS |= dict.fromkeys(("documents", "source", "policies", "inputs_sha256", "lot"), HASH)
FORMS |= dict.fromkeys(("first_g", "accepted", "voided_g", "shortfall_g"), NUMBER)
FORMS |= dict.fromkeys(("version", "quantity_g", "accounts"), POSITIVE)
FORMS |= {"party": rf"(expert|service-body):{POSITIVE}|{HASH}", "finding": WORD, "bars": "yes|no", "until": TIME}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DAY = 24 * 60 * 60 * 1000


def ms(text):
    return (dt.datetime.fromisoformat(text) - EPOCH) // dt.timedelta(milliseconds=1)


def day_of(at):
    """The day in Shanghai, counted from 1970-01-01."""
    return (at + 8 * 3_600_000) // DAY


def end_of(day):
    return (day + 1) * DAY - 8 * 3_600_000


class Decision:
    """A lawful decision: what it says, and its leaf."""

    def __init__(self, index, movement, says):
        self.index, self.movement, self.says = index, movement, says
        self.digest, self.record, self.at = movement.evidence.hex(), says["record"], movement.at

    def __getitem__(self, name):
        return self.says[name]

    @property
    def is_effective(self):
        return self["to"] == EFFECT[self.record]


class NaiveReplay:
    """Judges leaf by leaf, and remembers the lawful ones."""

    def __init__(self, shipped, origins):
        self.shipped, self.origins = shipped, origins
        self.decisions, self.issues, self.voids, self.bundles = [], [], [], []

    def rule(self, entry):
        movement = entry.movement
        if movement.kind < 64:
            moves = {1: self.issue, 3: self.convert, 9: self.void, 12: self.bundle}
            return moves.get(movement.kind, lambda _: None)(movement)
        if entry.document is None or movement.kind not in {*KINDS, 72, 73, 74}:
            return "DOCUMENT"
        if movement.kind in {72, 73, 74}:
            return None
        says = {name: shown[1] for name, shown in entry.document.fields.items() if not isinstance(shown, str)}
        if not self.is_document(KINDS[movement.kind], movement, says, entry.document.fields):
            return "DOCUMENT"
        decision = Decision(entry.leaf, movement, says)
        for name, holds in self.RULES:
            if not holds(self, decision):
                return name
        self.decisions.append(decision)
        return None

    # the fields

    def is_document(self, record, movement, says, fields):
        allowed = EACH | MAYBE | MAYBE_OF.get(record, set()) | ALWAYS.get(record, set()) | ONCE.get(record, set())
        if any(name in allowed for name in fields.keys() - says.keys()):
            return False
        is_effective = says.get("to") == EFFECT[record]
        needed = EACH | ALWAYS.get(record, set()) | (ONCE.get(record, set()) if is_effective else set())
        if not needed <= says.keys() or (not is_effective and says.keys() & ONCE.get(record, set())):
            return False
        if ("publicity_from" in says) != ("publicity_until" in says):
            return False
        if not all(self.is_field(record, allowed, name, value) for name, value in says.items()):
            return False
        prefix = PREFIX.get(record, record[0].upper())
        if says["record"] != record or not re.fullmatch(f"{prefix}-{POSITIVE}", says["case"]):
            return False
        return ms(says["at"]) == movement.at and self.is_sound(record, says, is_effective)

    def is_field(self, record, allowed, name, value):
        strings = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) for one in strings):
            return False
        if name not in allowed:
            return True
        if isinstance(value, list) != (name in LISTS) or len(set(strings)) != len(strings):
            return False
        if name == "kind":
            return value in SOURCE_KINDS | ({"none"} if record == "source" else set())
        return name not in FORMS or all(re.fullmatch(FORMS[name], one, re.ASCII) for one in strings)

    def is_sound(self, record, says, is_effective):
        """What is said of two fields at once, and of text that has a form of its own."""
        for first, last in (
            ("publicity_from", "publicity_until"),
            ("valid_from", "valid_until"),
            ("period_from", "period_until"),
        ):
            if "none" not in (says.get(first, "none"), says.get(last, "none")) and not ms(says[first]) < ms(says[last]):
                return False
        if "opinions" in says:
            whose = {opinion.split(" ")[0] for opinion in says["opinions"]}
            if not 1 <= len(says["opinions"]) <= 32 or len(whose) < len(says["opinions"]):
                return False
        for name in ("value", "definition"):
            if name in says and name in ALWAYS.get(record, set()) | ONCE.get(record, set()) and not is_json(says[name]):
                return False
        if record == "issuance" and is_effective:
            return int(says["first_g"]) + int(says["quantity_g"]) < 2**63
        if record == "correction" and is_effective:
            flat = [number for span in spans(says["ranges"]) for number in span]
            apart = all(flat[at] <= flat[at + 1] for at in range(1, len(flat) - 1, 2))
            return bool(flat) and apart and all(flat[at] < flat[at + 1] for at in range(0, len(flat), 2))
        return True

    # the rules

    def of_case(self, decision):
        return [one for one in self.decisions if one["case"] == decision["case"]]

    def state(self, case):
        return [one["to"] for one in self.decisions if one["case"] == case][-1]

    def in_force(self, name, at):
        versions = [
            one for one in self.decisions if one.record == "policy" and one.is_effective and one["name"] == name
        ]
        versions = [one for one in versions if ms(one["in_force"]) <= at]
        return max(versions, key=lambda one: ms(one["in_force"])) if versions else None

    def value(self, name, at):
        version = self.in_force(name, at)
        return None if version is None else json.loads(version["value"])

    def step(self, decision):
        table = self.value(f"procedure/{decision.record}", decision.at)
        if table is None and decision.record == "policy":
            table = self.shipped
        for step in table["steps"] if table else []:
            if any(step[name] != decision[name] for name in ("decision", "to")) or decision["from"] not in step["from"]:
                continue
            if not step.get("kinds") or decision.says.get("kind") in step["kinds"]:
                return step
        return None

    def previous(self, decision):
        before = self.of_case(decision)
        if not before:
            is_next = decision["previous"] == "none"
        else:
            is_next = decision["previous"] == before[-1].digest and decision.at >= before[-1].at
        return is_next and (decision.record != "methodology" or self.versions_grow(decision))

    def versions_grow(self, decision):
        others = [one for one in self.decisions if one.record == "methodology"]
        if any((one["case"] == decision["case"]) != (one["code"] == decision["code"]) for one in others):
            return False
        published = [int(one["version"]) for one in self.of_case(decision) if one.is_effective]
        return not decision.is_effective or all(int(decision["version"]) > version for version in published)

    def state_of_case(self, decision):
        before = self.of_case(decision)
        return decision["from"] == (before[-1]["to"] if before else "none") and self.step(decision) is not None

    def actor(self, decision):
        return decision["actor"].split(":")[0] in self.step(decision)["by"]

    def second(self, decision):
        asked, second = self.step(decision).get("second", []), decision.says.get("second")
        if asked and (second is None or second.split(":")[0] not in asked):
            return False
        before = self.of_case(decision)
        if second is not None and second in {decision["actor"], before[-1]["actor"] if before else None}:
            return False
        earlier = {before[-1]["actor"], before[-1].says.get("second")} - {None} if before else set()
        return decision.record != "finding" or not earlier & {decision["actor"], second}

    def working_days_after(self, at, number, when):
        day = day_of(at)
        while number > 0:
            day += 1
            date = dt.date(1970, 1, 1) + dt.timedelta(days=day)
            calendar = self.value(f"calendar/{date.year}", when)
            if calendar is None:
                return None
            text = date.isoformat()
            if text in calendar["workdays"] or (date.isoweekday() <= 5 and text not in calendar["holidays"]):
                number -= 1
        return end_of(day)

    def wait(self, decision):
        step, before = self.step(decision), self.of_case(decision)
        if step.get("opens_publicity", False) != ("publicity_from" in decision.says):
            return False
        if "publicity_from" in decision.says:
            opened, days = (
                ms(decision["publicity_from"]),
                (self.value("publicity", decision.at) or {}).get(decision.record),
            )
            end = opened if days == 0 else None if days is None else self.working_days_after(opened, days, decision.at)
            if opened < decision.at or end is None or ms(decision["publicity_until"]) < end:
                return False
        if step.get("after_publicity"):
            ends = [ms(one["publicity_until"]) for one in before if "publicity_until" in one.says]
            if not ends or decision.at < max(ends):
                return False
        if days := step.get("after_working_days"):
            end = self.working_days_after(before[-1].at, days, decision.at)
            if end is None or decision.at < end:
                return False
        if decision.record == "finding" and decision.is_effective and ms(decision["until"]) <= decision.at:
            return False
        return self.mends(decision, step) and self.renews(decision, step) and self.stays_approved(decision, step)

    def stays_approved(self, decision, step):
        """Once a source was published, its terms stay; a renewal is another end, and may be under another version."""
        before = self.of_case(decision)
        if decision.record != "source" or not any(one.is_effective for one in before):
            return True
        kept = {"kind", "valid_from"} if step.get("in_last_months") else ALWAYS["source"]
        return all(decision[name] == before[-1][name] for name in kept)

    def mends(self, decision, step):
        """A time to mend is said where it is set, `none` where it is met, and nowhere else."""
        said, days = (
            decision.says.get("mend_until") if decision.record == "source" else None,
            step.get("sets_deadline", 0),
        )
        if not days and said != ("none" if step.get("meets_deadline") else None):
            return False
        if days:
            end = self.working_days_after(decision.at, days, decision.at)
            if said in {None, "none"} or end is None or ms(said) < end:
                return False
        until = self.to_mend_until(decision["case"])
        return not step.get("in_deadline") or until is None or decision.at < until

    def to_mend_until(self, case):
        said = ["none"]
        said += [one["mend_until"] for one in self.decisions if one["case"] == case and "mend_until" in one.says]
        since = len(said) - said[::-1].index("none")
        return min(map(ms, said[since:]), default=None)

    def renews(self, decision, step):
        months = step.get("in_last_months", 0)
        if not months:
            return True
        ends = self.of_case(decision)[-1]["valid_until"]
        if ends == "none" or decision["valid_until"] == "none" or ms(decision["valid_until"]) <= ms(ends):
            return False
        last = dt.date(1970, 1, 1) + dt.timedelta(days=day_of(ms(ends)))
        month = last.year * 12 + last.month - 1 - months
        first = dt.date(month // 12, month % 12 + 1, 1)
        after = dt.date((month + 1) // 12, (month + 1) % 12 + 1, 1)
        begins = min(first + dt.timedelta(days=last.day - 1), after - dt.timedelta(days=1))
        return end_of((begins - dt.date(1970, 1, 1)).days - 1) <= decision.at < ms(ends)

    def published(self, digest):
        found = [
            one for one in self.decisions if one.digest == digest and one.record == "methodology" and one.is_effective
        ]
        return found[0] if found else None

    def needs(self, decision):
        cases, says = {}, decision.says
        if decision.record == "source":
            if says["methodology"] != "none":
                methodology = self.published(says["methodology"])
                if methodology is None or says["kind"] not in {"none", methodology["kind"]}:
                    return False
                cases["methodology"] = methodology["case"]
            if says["to"] in {"published", "live"} and "none" in (says["methodology"], says["kind"]):
                return False
        if decision.record == "issuance" and decision.is_effective:
            source, methodology = self.source_of(decision), self.published(says["methodology"])
            if None in (source, methodology) or source["methodology"] != says["methodology"]:
                return False
            is_overdue = decision.at >= (self.to_mend_until(source["case"]) or 2**63)
            if is_overdue or self.state(methodology["case"]) != "published":
                return False
            cases |= {"source": source["case"], "methodology": methodology["case"]}
        if decision.record == "correction" and decision.is_effective:
            lot = self.lot_of(decision)
            if lot is None:
                return False
            cases["issuance"] = lot["case"]
        step = self.step(decision)
        wanted = step.get("needs", {})
        return self.says_enough(says, step) and all(
            record in cases and self.state(cases[record]) in states for record, states in wanted.items()
        )

    def barred(self, at):
        """Of each finding the last decision that put it in force counts, unless a later one lifted it."""
        last = {}
        for one in self.decisions:
            if one.record == "finding" and (one.is_effective or one["to"] == "lifted"):
                last[one["case"]] = one
        standing = [one for one in last.values() if one.is_effective and one["bars"] == "yes"]
        return {one["party"] for one in standing if at < ms(one["until"])}

    def says_enough(self, says, step):
        hashes = [says.get(name) for name in step.get("says", [])]
        if not all(isinstance(one, str) and re.fullmatch(HASH, one, re.ASCII) for one in hashes):
            return False
        barred = self.barred(ms(says["at"]))
        if any(opinion.split(" ")[0] in barred for opinion in says.get("opinions", [])):
            return False
        has_reason = "reason" in says or not step.get("gives_reason")
        return has_reason and len(says.get("opinions", [])) >= step.get("opinions", 0)

    def source_of(self, issuance):
        for one in self.decisions:
            if one.record == "source" and one.digest == issuance["source"]:
                return one if self.of_case(one)[-1] is one and one["to"] == "live" else None
        return None

    def lots(self):
        return [one for one in self.decisions if one.record == "issuance" and one.is_effective]

    def lot_of(self, correction):
        return next((lot for lot in self.lots() if lot.digest == correction["lot"]), None)

    def policy(self, decision):
        if decision.record == "issuance" and decision.is_effective:
            for digest in decision["policies"]:
                used = [
                    one
                    for one in self.decisions
                    if one.digest == digest and one.record == "policy" and one.is_effective
                ]
                if not used or self.in_force(used[0]["name"], decision.at) is not used[0]:
                    return False
            methodology = self.published(decision["methodology"])
            switches = (self.value("behaviours", decision.at) or {"behaviours": {}})["behaviours"]
            if methodology["kind"] == "behaviour" and not switches.get(methodology["code"], {}).get("issues", False):
                return False
        if decision.record != "policy":
            return True
        others = [one for one in self.decisions if one.record == "policy"]
        if any((one["case"] == decision["case"]) != (one["name"] == decision["name"]) for one in others):
            return False
        earlier = [ms(one["in_force"]) for one in others if one["name"] == decision["name"] and one.is_effective]
        if decision.is_effective and earlier and ms(decision["in_force"]) <= max(*earlier, decision.at):
            return False
        return is_readable(decision["name"], json.loads(decision["value"]))

    def convert(self, movement):
        return None if self.points_until(movement.at) == movement.until else "POLICY"

    def points_until(self, at):
        points = self.value("points", at)
        if points is None:
            return None
        date = dt.date(1970, 1, 1) + dt.timedelta(days=day_of(at))
        year = date.year + points["validity_years"]
        try:
            date = date.replace(year=year)
        except ValueError:
            date = dt.date(year, 2, 28)
        return end_of((date - dt.date(1970, 1, 1)).days) - 1

    def lot(self, decision):
        if decision.record != "issuance" or not decision.is_effective:
            return True
        first, quantity = int(decision["first_g"]), int(decision["quantity_g"])
        if int(decision["accounts"]) > quantity:
            return False
        grams, period = range(first, first + quantity), times(decision)
        if any(meet(grams, given) for given in [*map(grams_of, self.lots()), *self.bundles]):
            return False
        source = self.source_of(decision)
        if "none" in (source["valid_from"], source["valid_until"]):
            return False
        if ms(source["valid_from"]) > period.start or period.stop > ms(source["valid_until"]):
            return False
        same = [lot for lot in self.lots() if self.case_of_source(lot) == source["case"]]
        return source["kind"] != "project" or not any(meet(period, times(lot)) for lot in same)

    def bundle(self, movement):
        grams = range(movement.first, movement.last)
        if any(meet(grams, grams_of(lot)) for lot in self.lots()):
            return "LOT"
        self.bundles.append(grams)
        return None

    def case_of_source(self, lot):
        return next(one["case"] for one in self.decisions if one.digest == lot["source"])

    def issue(self, movement):
        grams = range(movement.first, movement.last)
        for lot in self.lots():
            whole = grams_of(lot)
            if whole.start <= grams.start and grams.stop <= whole.stop:
                issued = [*(one for one in self.issues if meet(one, whole)), grams]
                left_g, left = len(whole) - sum(map(len, issued)), int(lot["accounts"]) - len(issued)
                methodology = self.published(lot["methodology"])
                marks = (1 if methodology["class"] == "I" else 0) + (0 if methodology["kind"] == "project" else 2)
                if left < 0 or left_g < left or (left == 0 and left_g > 0) or movement.flags % 4 != marks:
                    return "LOT"
                self.issues.append(grams)
                return None
        return "LOT"

    def corrections(self):
        return [one for one in self.decisions if one.record == "correction" and one.is_effective]

    def voided(self, decision):
        if decision.record != "correction" or not decision.is_effective:
            return True
        mine, lot = spans(decision["ranges"]), grams_of(self.lot_of(decision))
        others = [span for one in self.corrections() for span in spans(one["ranges"])]
        if any(first < lot.start or last > lot.stop for first, last in mine):
            return False
        if any(first < end and start < last for first, last in mine for start, end in others):
            return False
        total = sum(last - first for first, last in mine)
        return total == int(decision["voided_g"]) + int(decision["shortfall_g"])

    def void(self, movement):
        grams = [gram for first, last in self.origins(movement.first, movement.last) for gram in range(first, last)]
        for correction in self.corrections():
            ranges = [range(*span) for span in spans(correction["ranges"])]
            taken = sum(any(gram in span for span in ranges) for gram in [*self.voids, *grams])
            if taken > int(correction["voided_g"]) and any(gram in span for gram in grams for span in ranges):
                return "VOIDED"
        everything = [range(*span) for one in self.corrections() for span in spans(one["ranges"])]
        if not all(any(gram in span for span in everything) for gram in grams):
            return "VOIDED"
        self.voids += grams
        return None

    RULES = (
        ("PREVIOUS", previous), ("STATE_OF_CASE", state_of_case), ("ACTOR", actor), ("SECOND", second), ("WAIT", wait),
        ("NEEDS", needs), ("POLICY", policy), ("LOT", lot), ("VOIDED", voided),
    )  # fmt: skip


def spans(ranges):
    return [tuple(map(int, text.split(" "))) for text in ranges]


def grams_of(lot):
    return range(int(lot["first_g"]), int(lot["first_g"]) + int(lot["quantity_g"]))


def times(lot):
    return range(ms(lot["period_from"]), ms(lot["period_until"]))


def meet(one, other):
    return max(one.start, other.start) < min(one.stop, other.stop)


def is_json(text):
    """Whether this is JSON in RFC 8785 form; enough for the texts of tests, which have no fractions."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == text
    except ValueError:
        return False


def is_readable(name, value):
    """Whether rules can read a value; what a table says is taken to be sound."""
    if name == "points":
        return isinstance(value, dict) and value.get("validity_years") in range(1, 101)
    if name == "publicity":
        return isinstance(value, dict) and all(one in EFFECT and days in range(251) for one, days in value.items())
    if name.startswith("calendar/"):
        return isinstance(value, dict) and all(isinstance(value.get(one), list) for one in ("holidays", "workdays"))
    if name == "behaviours":
        return isinstance(value, dict) and are_switches(value.get("behaviours"))
    if not name.startswith("procedure/"):
        return True
    record = name.removeprefix("procedure/")
    return record in EFFECT and isinstance(value, dict) and value.get("record") == record and "steps" in value


def are_switches(behaviours):
    """Whether each code has four switches: only what is quantified issues, only what issues converts or is traded."""
    issuing = [(True, True, converts, tradable) for converts in (False, True) for tradable in (False, True)]
    lawful = [(False,) * 4, (True, False, False, False), *issuing]
    names = ("quantified", "issues", "converts", "tradable")
    return isinstance(behaviours, dict) and all(
        re.fullmatch(FORMS["code"], code, re.ASCII)
        and isinstance(switches, dict)
        and set(switches) == set(names)
        and any(all(switches[name] is one for name, one in zip(names, way, strict=True)) for way in lawful)
        for code, switches in behaviours.items()
    )

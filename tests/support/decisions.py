"""Logs of decisions, written one at a time, lawful unless told otherwise; and the story that all others begin with."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from registry.clock import SHANGHAI, rfc3339
from registry.evidence.canonical import canonical_text as canonical
from registry.evidence.document import SALT_BYTES, Evidence, disclose, seal
from registry.evidence.public import Document, RecordLeaf
from registry.ledger.movement import NO_TAG, Flag, Form, Kind, Movement, Purpose
from registry.procedure.decision import KINDS, PREFIXES, Record
from registry.procedure.replay import Entry
from registry.procedure.table import shipped_value

PREFIX_KINDS = {PREFIXES[record][0]: kind for kind, record in KINDS.items()}
HEX = "ab" * 32
OPINIONS = [f"expert:1 for sound {HEX}"]
"""As many as the life cycles that ship ask for."""
CONNECTED = {"contract_sha256": HEX, "devices_sha256": HEX}
"""What a platform is connected by, beside what every decision says."""
CALENDAR = {
    "holidays": ["2026-02-16", "2026-02-17", "2026-02-18", "2026-02-19", "2026-02-20", "2026-02-23"],
    "workdays": ["2026-02-14", "2026-02-28"],
}


def moment(text):
    """Unix milliseconds of a day and hour in Shanghai, `2026-01-05 09:00`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC).timestamp()) * 1000


def sealed(values):
    """Evidence whose salts follow from the values, so that a log is the same each time."""
    seed = canonical(values).encode()
    salts = b"".join(sha256(seed + bytes([at])).digest()[:SALT_BYTES] for at in range(len(values)))
    return seal(values, lambda _: salts)


def movement(kind, at, evidence, first=0, end=0, flags=0, form=Form.END, until=0, purpose=0):
    tag = sha256(b"tag").digest()[:20] if form else NO_TAG
    parent = None if kind == Kind.ISSUE or kind >= 64 else 0
    return Movement(kind, form, int(flags), purpose, first, end, parent, at, until, NO_TAG, tag, evidence)


class Book:
    """A log that is being written. Each leaf comes a minute after the one before, unless `at` says when."""

    def __init__(self, at="2026-01-05 09:00"):
        self.entries = []
        self.at = moment(at)
        self.last = {}
        """Case -> (digest, state)."""

    def wait(self, until):
        """Go on at a day and hour in Shanghai."""
        self.at = moment(until)
        return self

    def decide(self, case, decision, to, actor="centre:1", *, withhold=(), leaf_kind=None, **said):
        """Record the next decision of a case; what is `said` is a field, `from_` and the like without the line."""
        self.at += 60_000
        digest, state = self.last.get(case, ("none", "none"))
        kind = PREFIX_KINDS[case[0]] if leaf_kind is None else leaf_kind
        values = {
            "record": str(KINDS.get(kind, "other")),
            "case": case,
            "decision": decision,
            "from": state,
            "to": to,
            "previous": digest,
            "at": rfc3339(self.at),
            "actor": actor,
        }
        values |= {name.rstrip("_"): value for name, value in said.items()}
        evidence = sealed({name: value for name, value in values.items() if value is not None})
        self.put(kind, evidence, withhold)
        self.last[case] = (evidence.digest.hex(), to)
        return evidence.digest.hex()

    def put(self, kind, evidence: Evidence, withhold=()):
        """Record a document as it is, but for the fields that it withholds."""
        leaf = len(self.entries)
        shown = disclose(evidence.fields, evidence.fields.keys() - set(withhold))
        document = Document(RecordLeaf(leaf, int(kind), evidence.digest), shown)
        self.entries.append(Entry(leaf, movement(kind, self.at, evidence.digest), document))

    def move(self, kind, first, end, flags=Flag.SCENARIO | Flag.INDIVIDUAL, **said):
        """Add a movement of grams `[first, end)`."""
        self.at += 60_000
        form = Form.END if kind == Kind.VOID else Form.POINTS if kind == Kind.CONVERT else Form.REDUCTION
        purpose = Purpose.ABNORMAL_DATA if kind == Kind.VOID else 0
        evidence = sha256(f"{kind} {first} {end} {self.at}".encode()).digest()
        leaf = movement(kind, self.at, evidence, first, end, flags, form, purpose=purpose, **said)
        parent = self.holding(first, end) if kind in {Kind.CONVERT, Kind.VOID} else None
        if parent is not None:
            kept = parent.movement.flags & ~Flag.INDIVIDUAL if kind == Kind.VOID else flags
            leaf = replace(leaf, parent=parent.leaf, from_tag=parent.movement.to_tag, flags=int(kept))
        self.entries.append(Entry(len(self.entries), leaf))

    def holding(self, first, end):
        """The last leaf that gave somebody grams with `[first, end)` among them."""
        wide = (entry for entry in reversed(self.entries) if entry.movement.form != Form.END)
        return next((entry for entry in wide if entry.movement.first <= first < end <= entry.movement.last), None)

    def strip(self):
        """Take away the last leaf's document."""
        self.entries[-1] = self.entries[-1]._replace(document=None)

    def altered(self, **change):
        """Alter the last leaf alone."""
        self.entries[-1] = self.entries[-1]._replace(movement=replace(self.entries[-1].movement, **change))

    def policy(self, number, name, value, in_force=None, **said):
        """Propose and publish a policy; gives the digest of what published it."""
        terms = {"name": name, "value": canonical(value), "in_force": rfc3339(self.at - self.at % 60_000)}
        if in_force is not None:
            terms["in_force"] = rfc3339(moment(in_force))
        self.decide(f"P-{number}", "propose", "proposed", "bureau:1", **terms)
        return self.decide(f"P-{number}", "publish", "published", "bureau:2", **terms | {"second": "bureau:3"} | said)

    def methodology(self, number=1, **said):
        """Submit, evaluate and publish a methodology."""
        terms = {"code": f"SHCER0202003202{number}II", "version": "1", "class_": "II", "kind_": "scenario"}
        case = f"M-{number}"
        self.decide(case, "submit", "submitted", **terms | said)
        self.decide(case, "evaluate", "evaluated", **{"opinions": OPINIONS} | terms | said)
        published = {"second": "bureau:2", "definition": canonical({"formula": "distance x factor"})}
        return self.decide(case, "publish", "published", "bureau:1", **terms | published | said)

    def reviewed(self, methodology, number=1, kind="scenario", **said):
        """Bring a source to where its publicity can be opened; gives what each of its decisions says."""
        unknown = {"kind_": kind, "methodology": "none", "valid_from": "none", "valid_until": "none"}
        validity = {
            "valid_from": rfc3339(moment("2026-01-01 00:00")),
            "valid_until": rfc3339(moment("2028-01-01 00:00")),
        }
        terms = unknown | validity | {"methodology": methodology} | said
        case = f"S-{number}"
        self.source(case, "apply", "applied", unknown)
        self.source(case, "accept", "accepted", unknown | {"methodology": methodology})
        second = {"opinions": OPINIONS} if kind == "project" else {"second": "exchange:1"}
        self.source(case, "review", "reviewed", second | terms, "centre:2")
        return terms

    def source(self, case, decision, to, terms, actor="centre:1", **said):
        return self.decide(case, decision, to, actor, **terms | said)

    def publicise(self, terms, number=1, until="2026-01-16 00:00", **said):
        """Open the publicity of a source, which ends with the fifth working day."""
        period = {"publicity_from": rfc3339(self.at + 60_000), "publicity_until": rfc3339(moment(until))}
        return self.source(f"S-{number}", "open_publicity", "publicity", terms, **period | said)

    def publish_source(self, terms, number=1, **said):
        second = {"second": "centre:4" if terms["kind_"] == "project" else "exchange:1"}
        return self.source(f"S-{number}", "publish", "published", terms, "centre:2", **second | said)

    def start(self, terms, number=1, **said):
        """Connect and start a published source; gives the digest by which it issues."""
        case = f"S-{number}"
        is_project = terms["kind_"] == "project"
        if not is_project:
            self.source(case, "connect", "connected", terms | CONNECTED, "exchange:1")
        said = ({"second": "centre:4"} if is_project else {"second": "exchange:2", "trial_sha256": HEX}) | said
        return self.source(case, "start", "live", terms, **said)

    def find(self, terms, number=1, actor="centre:1", until="2026-12-01 00:00", **said):
        """Find what stops a source, and set a time to mend it."""
        found = {"mend_until": rfc3339(moment(until)), "reason": "meters-stood-still"}
        return self.source(f"S-{number}", "find", "rectifying", terms, actor, **found | said)

    def clear(self, terms, number=1, **said):
        return self.source(
            f"S-{number}", "clear", "live", terms, **{"second": "exchange:1", "mend_until": "none"} | said
        )

    def issuance(self, number, source, methodology, first=0, quantity=1000, accounts=2, policies=(), **said):
        """Propose an issuance and issue it; gives the digest of the lot."""
        self.decide(f"I-{number}", "propose", "proposed", "centre:1")
        lot = {
            "source": source,
            "methodology": methodology,
            "policies": list(policies),
            "first_g": str(first),
            "quantity_g": str(quantity),
            "accounts": str(accounts),
            "period_from": rfc3339(moment("2026-01-19 00:00")),
            "period_until": rfc3339(moment("2026-01-20 00:00")),
            "inputs_sha256": HEX,
            "accepted": "7",
            "refused": ["too_fast 2", "unknown-account 1"],
            "second": "centre:3",
        }
        return self.decide(f"I-{number}", "issue", "issued", "centre:2", **lot | said)

    def sanction(self, number=1, **said):
        """Find something about an expert."""
        whole = FOUND | {"reasons_sha256": HEX, "second": "centre:2"} | said
        return self.decide(f"F-{number}", "find", "in-force", "centre:1", **whole)

    def answer(self, decision, to, number=1, actor="bureau:1", **said):
        """Answer the appeal against what was found."""
        return self.decide(f"F-{number}", decision, to, actor, **APPEALED | said)

    def correct(self, number, lot, ranges, voided, shortfall=0, **said):
        """Propose a correction and order it."""
        self.decide(f"C-{number}", "propose", "proposed", "centre:1")
        terms = {"lot": lot, "ranges": ranges, "voided_g": str(voided), "shortfall_g": str(shortfall)}
        return self.decide(f"C-{number}", "order", "ordered", "centre:2", **terms | {"second": "centre:3"} | said)


FOUND = {"party": "expert:1", "finding": "false-report", "bars": "yes", "until": "2027-01-01T00:00:00.000Z"}
"""What is found about the expert who gives `OPINIONS`."""
APPEALED = {"appeal_sha256": HEX, "answer_sha256": HEX}


CALENDAR_2027 = {"holidays": [], "workdays": []}


def programme(**tables):
    """The rules of a programme: life cycles, publicity, a calendar, points. `tables` replace what ships, or none."""
    book = Book()
    values = {f"procedure/{record}": tables.get(record, shipped_value(record)) for record in list(Record)[1:]}
    values |= {"publicity": {"source": 5}, "calendar/2026": CALENDAR, "points": {"validity_years": 2}}
    values |= {name: value for name, value in tables.items() if name not in list(Record)}
    names = [name for name, value in values.items() if value is not None]
    book.numbers = {name: at for at, name in enumerate(names, 1)}
    book.policies = {name: book.policy(at, name, values[name]) for at, name in enumerate(names, 1)}
    return book


def to_publicity(**said):
    """A programme with a methodology and a scenario in publicity."""
    book = programme()
    book.methodology_digest = book.methodology()
    book.terms = book.reviewed(book.methodology_digest, **said)
    book.wait("2026-01-08 10:00")
    return book


def to_live(kind="scenario", methodology=None, tables=None, **said):
    """The same with a source that is live."""
    book = programme(**tables or {})
    book.methodology_digest = book.methodology(**{"kind_": kind} | (methodology or {}))
    book.terms = book.reviewed(book.methodology_digest, kind=kind, **said)
    book.wait("2026-01-08 10:00").publicise(book.terms)
    book.wait("2026-01-16 09:00").publish_source(book.terms)
    book.live = book.start(book.terms)
    book.wait("2026-02-02 09:00")
    return book


def to_issued():
    """The same with an issuance of 1,000 g in two ISSUEs, one of them converted."""
    book = to_live()
    book.lot = book.issuance(1, book.live, book.methodology_digest, policies=[book.policies["points"]])
    book.move(Kind.ISSUE, 0, 400)
    book.move(Kind.ISSUE, 400, 1000)
    book.move(
        Kind.CONVERT, 0, 400, Flag.SCENARIO | Flag.INDIVIDUAL | Flag.CONVERTED, until=moment("2028-02-03 00:00") - 1
    )
    return book

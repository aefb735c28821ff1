"""Files judged in tests: by the shipped profiles, methodologies and policies, with whom and what a test knows."""

from dataclasses import replace
from datetime import date

from registry.activities.judgement.known import Busy, Known, Link
from registry.activities.judging import Terms, judge_file
from registry.activities.profiles.shelf import find as find_profile
from registry.methodologies.record import Window, program
from registry.methodologies.shelf import find
from registry.policies.activities import ACTIVITIES, RISK, FileLimits, Risk
from registry.policies.policies import shipped_policy

ISSUED = date(2016, 9, 1)
LIMITS = FileLimits.of(shipped_policy(ACTIVITIES))
ALWAYS = Window(-(10**15), None)


def terms_for(methodology, *windows, limits=LIMITS, issued=ISSUED, **risk):
    """What everything is judged by, with other numbers in the rules against abuse."""
    record = find(methodology)
    rules = replace(Risk.of(shipped_policy(f"{RISK}{record.id}")), **risk)
    return Terms(program(record), (*windows, record.validity), limits, rules, issued)


def knowing(consented, reported=(), busy=(), attributes=None):
    """Know these names as accounts', these references as issued, these spans as occupied."""
    return Known(
        lambda names: [Link(name, consented[name]) for name in names if name in consented],
        lambda references: set(references) & set(reported),
        lambda _met: Busy(*busy) if busy else Busy(),
        attributes or {},
    )


def judge(path, profile, consented, *windows, terms=None, profiled=None, **known):
    """Judge a file by a shipped profile, or by one that a test changed."""
    of = profiled or find_profile(profile)
    return judge_file(path, of, terms or terms_for(of.methodology, *windows), knowing(consented, **known))


def reasons(judged):
    """Row -> why it is not accepted; what is in quarantine too."""
    found = {one.row: one.reason for one in judged.refused()}
    return found | {one.row: one.reason for one in judged.quarantined()}


def accepted_rows(judged):
    """The rows of activities that stand."""
    return judged.activities.table["row"].to_pylist()

"""Why a ride is refused. The codes are stable; a ride gets one, the first that applies in this order."""

from enum import StrEnum

from registry.policies.rides import RidePolicy


class Reason(StrEnum):
    """In order of precedence."""

    MALFORMED = "malformed"
    """The line is no row of the file: wrong number of values, broken quotes, junk."""
    WRONG_TYPE = "wrong-type"
    NOT_CONSENTED = "not-consented"
    """Comes before everything that is computed: without consent nothing is taken (R4)."""
    REPEATED_ORDER = "repeated-order"
    ALREADY_ISSUED = "already-issued"
    """Also when another issued activity of the person, or of the bicycle, was under way at the time (R19)."""
    ENDS_BEFORE_START = "ends-before-start"
    TOO_LONG = "too-long"
    OUTSIDE_VALIDITY = "outside-validity"
    OUTSIDE_AREA = "outside-area"
    TOO_FAST = "too-fast"
    NO_REDUCTION = "no-reduction"
    OVERLAPPING = "overlapping"


_SENTENCES = {
    Reason.MALFORMED: "The line {detail}.",
    Reason.WRONG_TYPE: "The value of {detail} is missing or not of its type.",
    Reason.NOT_CONSENTED: "The rider has not consented to have rides reported in this scenario.",
    Reason.REPEATED_ORDER: "The order number stands in row {detail} already.",
    Reason.ALREADY_ISSUED: "The order, or another activity of that person or bicycle at the time, was issued before.",
    Reason.ENDS_BEFORE_START: "The ride ends before, or at the moment, it starts.",
    Reason.TOO_LONG: "The ride lasts longer than {minutes} minutes.",
    Reason.OUTSIDE_VALIDITY: "The ride is not wholly within the validity of the scenario and of its methodology.",
    Reason.OUTSIDE_AREA: "The ride starts or ends outside the area that the methodology covers.",
    Reason.TOO_FAST: "The straight line alone would need more than {speed} km/h.",
    Reason.NO_REDUCTION: "No distance can be proven that gives a whole gram: start and end lie too close together.",
    Reason.OVERLAPPING: "The ride in row {detail}, of the same person or bicycle, was under way at the time.",
}


def sentence(reason: Reason, detail: str, policy: RidePolicy) -> str:
    """Say it to a person. `detail` is what the judgement names: a column, a row, or a fault."""
    minutes, speed = policy.max_duration_s // 60, f"{policy.max_speed_m_per_h / 1000:g}"
    return _SENTENCES[reason].format(detail=detail, minutes=minutes, speed=speed)

"""Why a row is not accepted. Codes are stable; a row gets one, the first that applies in this order.

A requirement of the methodology that does not hold is `not-` and its name. What the rules against abuse catch waits in
quarantine; all else is refused.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from registry.engine.definition import Text
from registry.engine.typed import Program


class Reason(StrEnum):
    """In order of precedence; those of quarantine and what is found last stand at the end."""

    MALFORMED = "malformed"
    """The line is no row of the file: wrong number of values, broken quotes, junk."""
    MISSING = "missing"
    WRONG_TYPE = "wrong-type"
    OUT_OF_RANGE = "out-of-range"
    NO_SUCH_TIME = "no-such-time"
    TIME_TWICE = "time-twice"
    UNPAIRED_TAP = "unpaired-tap"
    NOBODY_NAMED = "nobody-named"
    SELF_DECLARED = "self-declared"
    """Nothing but somebody's own word shows it: no policy takes that (R49)."""
    WEAK_EVIDENCE = "weak-evidence"
    SHARED_USER = "shared-user"
    NOT_CONSENTED = "not-consented"
    """Comes before everything that is computed: without consent nothing is taken (R4)."""
    REPEATED = "repeated"
    ALREADY_ISSUED = "already-issued"
    """Also when another issued activity of the person, or of the thing, was under way at the time (R19)."""
    CAUGHT_BEFORE = "caught-before"
    """Nobody gets around a rule against abuse by reporting the same again, a little different (R50)."""
    ENDS_BEFORE_START = "ends-before-start"
    TOO_LONG = "too-long"
    OUTSIDE_VALIDITY = "outside-validity"
    FLAGGED = "flagged"
    CHANGED_HANDS = "changed-hands"
    NOT_SETTLED = "not-settled"
    NOTHING = "nothing"
    TOO_LARGE = "too-large"
    NO_REDUCTION = "no-reduction"
    OVERLAPPING = "overlapping"
    STANDING_STILL = "standing-still"
    TIMES_DISAGREE = "times-disagree"
    TOO_FAST = "too-fast"
    EXCLUDED_PLACE = "excluded-place"
    EXCLUDED_AREA = "excluded-area"
    ROUND_TRIP = "round-trip"
    ELSEWHERE = "elsewhere"
    COPIED = "copied"
    TOO_MANY_A_DAY = "too-many-a-day"


QUARANTINE: Final = (
    Reason.STANDING_STILL,
    Reason.TIMES_DISAGREE,
    Reason.TOO_FAST,
    Reason.EXCLUDED_PLACE,
    Reason.EXCLUDED_AREA,
    Reason.ROUND_TRIP,
    Reason.ELSEWHERE,
    Reason.COPIED,
    Reason.TOO_MANY_A_DAY,
)
UNMET: Final = "not-"


class Limits(NamedTuple):
    """The numbers that sentences name."""

    longest_min: int
    km_per_h: str
    a_day: int | None
    apart_s: int | None


_QUARANTINED: Final = Text(
    "已隔离，由工作人员核查；认为有误的可以申诉。",
    "It waits in quarantine for a person to look at it, and can be appealed.",
)
_SENTENCES: Final = {
    Reason.MALFORMED: Text(
        "该行不是一条记录：{detail}。请更正后重报。", "The line {detail}. Mend it and report it again."
    ),
    Reason.MISSING: Text(
        "缺少“{detail}”的值。请补全后重报。", "The value of {detail} is missing. Report it again with one."
    ),
    Reason.WRONG_TYPE: Text(
        "“{detail}”的值不合其类型。请按接入规范更正后重报。",
        "The value of {detail} is not of its type. Write it as the profile says and report it again.",
    ),
    Reason.OUT_OF_RANGE: Text(
        "“{detail}”的值超出方法学的取值范围。请核对后重报。",
        "The value of {detail} lies outside the range that the methodology takes. Check it and report it again.",
    ),
    Reason.NO_SUCH_TIME: Text(
        "“{detail}”的当地时间不存在：时钟当时拨快。请注明与UTC的时差后重报。",
        "The local time of {detail} never was: the clock jumped over it. Report it again with an offset.",
    ),
    Reason.TIME_TWICE: Text(
        "“{detail}”的当地时间出现过两次：时钟当时拨慢。请注明与UTC的时差后重报。",
        "The local time of {detail} was twice: the clock was set back. Report it again with an offset.",
    ),
    Reason.UNPAIRED_TAP: Text("这次刷卡没有配对的进站或出站。", "This tap has no entry or exit that belongs to it."),
    Reason.NOBODY_NAMED: Text(
        "文件没有写明是谁的行为，不能签发给任何人。",
        "The file does not name whose it is, so it can be issued to nobody.",
    ),
    Reason.SELF_DECLARED: Text(
        "仅为自行申报，没有设备记录，不产生减排量。",
        "Nothing but somebody's own word shows it: what no device recorded makes no reductions.",
    ),
    Reason.WEAK_EVIDENCE: Text(
        "其证据为“{detail}”；此类行为不接受这种证据。",
        "What shows it is {detail}, which is not taken for this kind of activity.",
    ),
    Reason.SHARED_USER: Text(
        "这是共享账户，不属于某一个人，不予签发。", "It is a shared user's, nobody's own, and is issued to nobody."
    ),
    Reason.NOT_CONSENTED: Text(
        "此人未授权本场景报送。请先取得授权。",
        "The person has not consented to have this reported in this scenario. Ask first.",
    ),
    Reason.REPEATED: Text("与第 {detail} 行是同一条记录。", "It is the same record as row {detail}."),
    Reason.ALREADY_ISSUED: Text(
        "该记录，或同一人、同一物当时的另一行为，此前已签发或已认可；一次行为只计一次。",
        "It, or another activity of that person or thing at the time, was issued or recognised before: it counts once.",
    ),
    Reason.CAUGHT_BEFORE: Text(
        "该记录此前已被隔离，其结果在隔离核查中决定；再次报送无效。",
        "It was caught before: what becomes of it is decided in quarantine, and reporting it again changes nothing.",
    ),
    Reason.ENDS_BEFORE_START: Text(
        "结束不晚于开始。请核对时间后重报。",
        "It ends before, or at the moment, it starts. Check the times and report it again.",
    ),
    Reason.TOO_LONG: Text("持续超过 {limits.longest_min} 分钟。", "It lasts longer than {limits.longest_min} minutes."),
    Reason.OUTSIDE_VALIDITY: Text(
        "不完全在场景与方法学的有效期内。", "It is not wholly within the validity of the source and of its methodology."
    ),
    Reason.FLAGGED: Text(
        "平台将读数标为“{detail}”；这样的读数不产生减排量。",
        "The platform flags the reading as {detail}; such a reading makes no reductions.",
    ),
    Reason.CHANGED_HANDS: Text(
        "该期间内此物换了人，无法归于一人。请分期报送。",
        "The thing changed hands within the period, which is then nobody's alone. Report the parts apart.",
    ),
    Reason.NOT_SETTLED: Text(
        "要到该年结束才能判定。请在年后重报。", "Only the end of its year tells. Report it again when the year is over."
    ),
    Reason.NOTHING: Text("算不出数值：有输入缺失。", "It has no value: something that it needs is missing."),
    Reason.TOO_LARGE: Text("大得不可能是真的。请核对。", "It is more than any act could save. Check it."),
    Reason.NO_REDUCTION: Text("不足一克，没有减排量。", "It comes to less than a gram: there is no reduction."),
    Reason.OVERLAPPING: Text(
        "同一人或同一物在第 {detail} 行的行为当时正在进行。",
        "That of row {detail}, of the same person or thing, was under way at the time.",
    ),
    Reason.STANDING_STILL: Text(
        "读数停走，与前后多个读数相同。", "The reading stands still: many in a row are the same."
    ),
    Reason.TIMES_DISAGREE: Text(
        "起止时间与所报时长相差超过 {limits.apart_s} 秒。",
        "Its times and the duration that is stated are more than {limits.apart_s} seconds apart.",
    ),
    Reason.TOO_FAST: Text(
        "所需速度超过每小时 {limits.km_per_h} 公里。", "It would need more than {limits.km_per_h} km/h."
    ),
    Reason.EXCLUDED_PLACE: Text(
        "起点或终点不供公众使用（{detail}）。", "It begins or ends where the public does not: {detail}."
    ),
    Reason.EXCLUDED_AREA: Text(
        "起点或终点位于不供公众使用的区域。", "It begins or ends in an area where the public is not."
    ),
    Reason.ELSEWHERE: Text(
        "同一人或同一车辆上一次行为在别处结束，时间上不可能到达（第 {detail} 行）。",
        "That of row {detail}, of the same person or vehicle, ended too far away to be here by then.",
    ),
    Reason.COPIED: Text(
        "与第 {detail} 行同人、同车、同路线、同时长，而车辆并未返回起点。",
        "It is that of row {detail} again: the same person, vehicle, way and duration, and nobody brought it back.",
    ),
    Reason.ROUND_TRIP: Text("起点即终点。", "It ends where it began."),
    Reason.TOO_MANY_A_DAY: Text(
        "同一人当日超过 {limits.a_day} 次。", "It is beyond {limits.a_day} of one person on one day."
    ),
}


def unmet(requirement: str) -> str:
    """Give the reason of a requirement that does not hold."""
    return UNMET + requirement.replace("_", "-")


def sentence(reason: str, detail: str, limits: Limits, program: Program) -> Text:
    """Say a reason to people, with what to do. `detail` is what the judgement names: a column, a row, a fault."""
    for requirement in program.definition.requirements:
        if unmet(requirement.name) == reason:
            return Text(
                f"不符合方法学的要求：{requirement.text.zh}",
                f"The methodology requires otherwise: {requirement.text.en}",
            )
    said = _SENTENCES[Reason(reason)]
    more = _QUARANTINED if reason in QUARANTINE else Text("", "")
    return Text(
        said.zh.format(detail=detail, limits=limits) + more.zh,
        " ".join(filter(None, (said.en.format(detail=detail, limits=limits), more.en))),
    )

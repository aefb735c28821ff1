"""What policies there are: each has a type, by which a value is read before it is published, and a meaning."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from registry.errors import Invalid
from registry.evidence.canonical import canonical
from registry.policies.activities import ACTIVITIES, RISK, FileLimits, Risk
from registry.policies.channels import CHANNELS, check_channels
from registry.policies.mall import MALL, MallRules
from registry.policies.points import EXPIRY_NOTICES, HONOURS, days_before, levels
from registry.procedure import values
from registry.procedure.fields import Unreadable


@dataclass(frozen=True, slots=True)
class Kind:
    """A policy, or a family of them whose names begin alike and end in a slash and a word."""

    name: str
    zh: str
    en: str
    read: Callable[[str, Any], object]
    """Reads the value of a name. Raises `Unreadable` or `Invalid` with what is wrong."""

    @property
    def is_family(self) -> bool:
        """Whether a word follows the name."""
        return self.name.endswith("/")


def _by_rules(name: str, value: Any) -> object:
    return values.parse(name, canonical(value).decode())


def _object_by(check: Callable[[dict[str, Any]], object]) -> Callable[[str, Any], object]:
    def read(name: str, value: Any) -> object:
        if not isinstance(value, dict):
            raise Invalid(f"The policy {name!r} is an object.")
        return check(value)

    return read


KINDS: Final = (
    Kind(values.POINTS, "碳积分有效期", "How long points are valid", _by_rules),
    Kind(values.PUBLICITY, "公示工作日", "Working days of publicity", _by_rules),
    Kind(values.CALENDAR, "年度工作日历", "Working days of a year", _by_rules),
    Kind(values.BEHAVIOURS, "行为场景", "What becomes of a behaviour", _by_rules),
    Kind(values.PROCEDURE, "办理流程", "Life cycle", _by_rules),
    Kind(CHANNELS, "消纳渠道", "What reductions and points may be used for", _object_by(check_channels)),
    Kind(EXPIRY_NOTICES, "碳积分到期提醒", "When people are told that points expire", _object_by(days_before)),
    Kind(HONOURS, "历史碳积分荣誉", "How historical points are honoured", _object_by(levels)),
    Kind(MALL, "碳积分商城规则", "Rules of the mall", _object_by(MallRules.of)),
    Kind(ACTIVITIES, "行为数据文件的上限", "Bounds on files of activities", _object_by(FileLimits.of)),
    Kind(RISK, "行为数据的风险规则", "Rules against abuse, by kind of activity", _object_by(Risk.of)),
)


def kind_of(name: str) -> Kind | None:
    """Give what a policy of this name is; None when there is no such policy."""
    return next((kind for kind in KINDS if name == kind.name or (kind.is_family and name.startswith(kind.name))), None)


def check_value(name: str, value: Any) -> None:
    """Read a value as those do who will use it. Raises `Invalid` for a name that is none, and for such a value."""
    kind = kind_of(name)
    if kind is None:
        known = ", ".join(f"{kind.name}..." if kind.is_family else kind.name for kind in KINDS)
        raise Invalid(f"There is no policy {name[:80]!r}; there are: {known}.")
    try:
        kind.read(name, value)
    except Unreadable as error:
        raise Invalid(f"The value of policy {name!r} is refused: {error}.") from None

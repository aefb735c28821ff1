"""Pages from templates: labels in two languages, and how numbers and times are written for people.

Each template names the context it expects in a comment at its top. What every page gets beside that: `t` (labels by
id), `lang` ("zh" or "en"), `now_ms`, `path` (of this page, with its query but without `lang`), and `url` (a link that
keeps the language).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from api.texts import LANGUAGES, texts
from registry.clock import wall_clock

ROOM = Path(__file__).parent
STATIC = ROOM / "static"
THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"

MINUTE, HOUR, DAY = 60, 3600, 86_400

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; connect-src 'self'"
)
"""For every page; the verify page adds the chain's endpoint, see `content_security_policy`."""


def language(asked: str | None) -> str:
    """Choose the language of a page from `?lang=`: Chinese unless English is asked for."""
    return asked if asked in LANGUAGES else LANGUAGES[0]


def content_security_policy(*, any_chain: bool = False) -> str:
    """Build the header's value; `any_chain` lets the verify page ask whatever JSON-RPC endpoint the visitor names."""
    return CONTENT_SECURITY_POLICY + (" http: https:" if any_chain else "")


def render(template: str, *, lang: str, path: str, now_ms: int, **context: Any) -> str:
    """Render `template` ("home.html", ...) with the context its first comment names.

    `path` is the page's own path with its query but without `lang`; `now_ms` is Unix milliseconds.
    """
    page = _environment().get_template(template)
    return page.render(t=texts()[lang], lang=lang, path=path, now_ms=now_ms, **context)


def grams(quantity_g: int) -> str:
    """Write grams with thin spaces between thousands: `1 234 567`."""
    return f"{quantity_g:,}".replace(",", THIN_SPACE)


def tonnes(quantity_g: int) -> str:
    """Write grams as tonnes with six decimals, by integers: `1.234567`."""
    whole, rest = divmod(quantity_g, 1_000_000)
    return f"{grams(whole)}.{rest:06d}"


def permille(parts: Sequence[int], whole: int) -> list[int]:
    """Divide 1000 among parts that make the whole, by largest remainder, so that shares add up as their parts do."""
    if not whole:
        return [0] * len(parts)
    shown = [part * 1000 // whole for part in parts]
    missing = sum(parts) * 1000 // whole - sum(shown)
    for place in sorted(range(len(parts)), key=lambda place: -(parts[place] * 1000 % whole))[:missing]:
        shown[place] += 1
    return shown


def share(thousandths: int, part: int, whole: int) -> str:
    """Write a share with one decimal. What is not nothing is no `0.0 %`, and what is not all is no `100.0 %`."""
    if part and not thousandths:
        return "< 0.1 %"
    if thousandths == 1000 and part < whole:
        return "> 99.9 %"
    return f"{thousandths // 10}.{thousandths % 10} %"


def when(moment: str) -> str:
    """Write an RFC 3339 time as Shanghai's wall clock, with its offset."""
    return wall_clock(int(datetime.fromisoformat(moment).timestamp() * 1000))


@pass_context
def ago(context: Context, moment: str) -> str:
    """Write an RFC 3339 time relative to the page's `now_ms`, in whole minutes, hours or days."""
    now = datetime.fromtimestamp(context["now_ms"] // 1000, UTC)
    seconds = int((now - datetime.fromisoformat(moment)).total_seconds())
    way, distance = ("ago", seconds) if seconds >= 0 else ("in", -seconds)
    if distance < MINUTE:
        return str(context["t"]["ago_now"])
    unit, length = next(pair for pair in (("days", DAY), ("hours", HOUR), ("minutes", MINUTE)) if distance >= pair[1])
    return str(context["t"][f"{way}_{unit}"]).format(n=distance // length)


@pass_context
def url(context: Context, path: str, lang: str | None = None) -> str:
    """Link to a page of ours and keep the language; Chinese, the default, needs no mark."""
    if (lang or context["lang"]) == LANGUAGES[0]:
        return path
    return f"{path}{'&' if '?' in path else '?'}lang=en"


@cache
def _environment() -> Environment:
    """Load templates with autoescape; a name that the context lacks is an error, never an empty page."""
    environment = Environment(
        loader=FileSystemLoader(ROOM / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"grams": grams, "tonnes": tonnes, "when": when, "ago": ago}
    environment.globals |= {"url": url, "permille": permille, "share": share}
    return environment

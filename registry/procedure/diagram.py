"""Life cycles as people read them: a page of Markdown with a state diagram (Mermaid) and the steps of each."""

from collections.abc import Iterable, Iterator
from typing import Final

from registry.procedure.decision import Record
from registry.procedure.fields import NONE
from registry.procedure.table import Step, Table

TITLES: Final = {
    Record.POLICY: "政策 · policy",
    Record.METHODOLOGY: "方法学 · methodology",
    Record.SOURCE: "减排项目、减排场景、行为场景 · source",
    Record.ISSUANCE: "签发 · issuance",
    Record.CORRECTION: "修正 · correction",
    Record.PROVIDER: "权益提供主体、商城合作方 · benefit provider",
    Record.FINDING: "诚信记录 · finding",
}
KINDS: Final = {
    "project": "减排项目 · project",
    "scenario": "减排场景 · scenario",
    "behaviour": "行为场景 · behaviour scenario",
}
AUTHORITIES: Final = {
    "bureau": "市生态环境局 · bureau",
    "centre": "市减污降碳中心 · centre",
    "exchange": "上海环交所 · exchange",
}
HEAD: Final = """# 办理流程 · Life cycles

Who decides what, in which order, with whom and after which waiting time: the policies `procedure/<record>` that ship
with the project ([design](design.md), section 11). `scripts/make-life-cycles` makes this page from
`registry/procedure/tables`.
"""


def page(tables: Iterable[Table]) -> str:
    """Write the page of some life cycles."""
    return "\n".join([HEAD, *(_section(table) for table in tables)])


def diagram(table: Table) -> str:
    """Draw a life cycle as a Mermaid state diagram."""
    return "\n".join(["stateDiagram-v2", *_states(table), *_arrows(table)])


def _states(table: Table) -> Iterator[str]:
    for state, words in table.states.items():
        yield f'    state "{words.zh} · {words.en}" as {state}'


def _arrows(table: Table) -> Iterator[str]:
    for step in table.steps:
        for state in step.from_states:
            yield f"    {'[*]' if state == NONE else state} --> {step.to_state}: {step.decision}"
    left = {state for step in table.steps for state in step.from_states}
    for state in table.states:
        if state not in left:
            yield f"    {state} --> [*]"


def _section(table: Table) -> str:
    rows = (" | ".join(_cells(step)) for step in table.steps)
    head = "| decision | by | second officer | waits for | needs | rule |\n|---|---|---|---|---|---|"
    lines = [f"## {TITLES[table.record]}", f"```mermaid\n{diagram(table)}\n```", head]
    return "\n\n".join(lines) + "\n" + "\n".join(f"| {row} |" for row in rows) + "\n"


def _cells(step: Step) -> Iterator[str]:
    kinds = f" ({', '.join(_named(step.kinds, KINDS))})" if step.kinds else ""
    yield f"`{step.decision}` {step.words.zh} · {step.words.en}{kinds}"
    yield ", ".join(_named(step.by, AUTHORITIES))
    yield ", ".join(_named(step.second, AUTHORITIES)) or "-"
    yield ", ".join(_waits(step)) or "-"
    yield ", ".join(_needs(step)) or "-"
    yield step.rule


def _needs(step: Step) -> Iterator[str]:
    for record, states in step.needs.items():
        yield f"{record} {' or '.join(sorted(states))}"
    if step.opinions:
        yield f"专家意见 {step.opinions} 份 · opinions: {step.opinions}"
    if step.meets_deadline:
        yield "整改完成 · that it is mended"
    if step.gives_reason:
        yield "理由 · a reason"
    for name in step.says:
        yield f"`{name}`"


def _waits(step: Step) -> Iterator[str]:
    if step.opens_publicity:
        yield "opens publicity"
    if step.after_publicity:
        yield "公示期满 · the end of publicity"
    if step.after_working_days:
        yield f"{step.after_working_days} 个工作日 · working days"
    if step.sets_deadline:
        yield f"限期整改，{step.sets_deadline} 个工作日以上 · {step.sets_deadline} working days to mend, at least"
    if step.in_deadline:
        yield "整改期限内 · within the deadline"
    if step.in_last_months:
        yield f"到期前 {step.in_last_months} 个月内 · the last {step.in_last_months} months"


def _named(names: Iterable[str], words: dict[str, str]) -> list[str]:
    return [words.get(name, name) for name in sorted(names)]

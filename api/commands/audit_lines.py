"""An audit's report as lines for people, English and Chinese."""

from collections.abc import Iterator

from anchoring.auditing.report import Lot, Report, Totals
from registry.ledger.movement import Form, Kind, Purpose, serial

SHOWN_FAULTS = 20
SHOWN_LOTS = 10

KIND_LABELS: dict[int, str] = {
    Kind.ISSUE: "issue 签发",
    Kind.TRANSFER: "transfer 划转",
    Kind.CONVERT: "convert 转换",
    Kind.REDEEM: "redeem 兑换",
    Kind.REFUND: "refund 退款",
    Kind.GATHER: "gather 汇集",
    Kind.EXPIRE: "expire 过期",
    Kind.CANCEL: "cancel 注销",
    Kind.VOID: "void 修正作废",
    Kind.LOCK: "lock 锁定",
    Kind.UNLOCK: "unlock 解锁",
    Kind.BUNDLE: "bundle 汇集束",
    Kind.POLICY: "policy 政策",
    Kind.METHODOLOGY: "methodology 方法学",
    Kind.SOURCE: "source 减排来源",
    Kind.PUBLICITY: "publicity period 公示",
    Kind.OBJECTION: "objection 异议",
    Kind.ISSUANCE: "issuance decision 签发决定",
    Kind.CORRECTION: "correction 修正决定",
    Kind.PROVIDER: "benefit provider 权益提供主体",
    Kind.DUPLICATE: "refused duplicate 拒绝重复",
    Kind.STATE: "state of all blocks 状态承诺",
    Kind.MOVE: "move to another contract 合约迁移",
    Kind.HOLDER: "lost holder recognised 失主确认",
    Kind.FINDING: "finding of the integrity record 诚信记录",
}
END_LABELS: dict[int, str] = {
    Purpose.NONE: "expired 过期",
    Purpose.VOLUNTARY_CANCELLATION: "voluntary cancellation 自愿注销",
    Purpose.VOLUNTARY_OFFSET: "voluntary offset 自愿抵销",
    Purpose.DONATION: "donation 捐赠",
    Purpose.ECOLOGICAL_DAMAGE_COMPENSATION: "ecological-damage compensation 生态损害赔偿",
    Purpose.COMPLIANCE_OFFSET: "compliance offset 履约抵销",
    Purpose.OTHER_REGISTRY: "moved to another registry 转入其他登记系统",
    Purpose.ABNORMAL_DATA: "voided for abnormal data 异常数据作废",
}


def report_lines(report: Report) -> list[str]:
    """Write an audit: the verdict, what became of the grams, and the first faults."""
    lines = [f"{'✓' if report.holds else '✗'} {report.verdict}"]
    if report.origin is not None and report.root is not None:
        lines += [f"  log 日志  {report.origin}", f"  root 根   {report.root.hex()}"]
    return [*lines, *_totals(report.totals), *_findings(report), *_faults(report)]


def tonnes(quantity_g: int) -> str:
    """Write grams as tonnes with six decimals, groups of three digits apart."""
    return f"{quantity_g // 1_000_000:,}.{quantity_g % 1_000_000:06d}"


def _totals(totals: Totals) -> Iterator[str]:
    yield "Grams, in tonnes of CO2e 克（以吨计）"
    yield _line(tonnes(totals.issued_g), "issued 签发")
    yield _line(tonnes(totals.live_g.get(Form.REDUCTION, 0)), "reductions now 现为减排量")
    yield _line(tonnes(totals.live_g.get(Form.POINTS, 0)), "points now 现为碳积分")
    for purpose, grams in totals.ended_by_purpose_g.items():
        yield _line(tonnes(grams), f"ended 终结: {END_LABELS.get(purpose, f'purpose {purpose}')}")
    if totals.bundled_g or totals.gathered_g:
        yield _line(tonnes(totals.gathered_g), "gathered, under other numbers since 汇集，换用新编号")
        yield _line(tonnes(totals.bundled_g), "bundled, under these numbers 汇集束，即所换新编号")
    sign = "=" if totals.is_balanced else "≠"
    yield f"  issued + bundled - gathered - ended {sign} now 签发 + 汇集束 - 汇集 - 终结 {sign} 现存"
    yield f"Leaves 叶子: {sum(totals.leaves.values()):,}"
    for kind, count in sorted(totals.leaves.items()):
        yield _line(f"{count:,}", KIND_LABELS.get(kind, f"kind {kind} 其他"))
    yield f"Lots 批次: {totals.lot_count:,}"
    for lot in totals.lots[-SHOWN_LOTS:]:
        yield _line(tonnes(lot.issued_g), _lot(lot))
    if totals.lot_count > SHOWN_LOTS:
        yield f"  and {totals.lot_count - SHOWN_LOTS:,} before these; --json lists them."


def _lot(lot: Lot) -> str:
    ended = sum(lot.ended_g.values())
    left = f"{tonnes(lot.reduction_g)} reductions, {tonnes(lot.points_g)} points, {tonnes(ended)} ended"
    left += f", {tonnes(lot.gathered_g)} gathered" if lot.gathered_g else ""
    return f"{serial(lot.first, lot.last)}: {left}"


def _findings(report: Report) -> Iterator[str]:
    if report.findings:
        yield f"Open, or to be asked 尚未办结或待查: {len(report.findings):,}"
    for finding in report.findings[:SHOWN_FAULTS]:
        yield f"  leaf {finding.leaf}: {finding.name}: {finding.sentence}"


def _faults(report: Report) -> Iterator[str]:
    if report.holds:
        return
    count = sum(report.fault_counts.values())
    yield f"Faults 问题: {count:,}"
    for code, number in sorted(report.fault_counts.items()):
        yield _line(f"{number:,}", code)
    for fault in report.faults[:SHOWN_FAULTS]:
        yield f"  {fault}"
    if count > SHOWN_FAULTS:
        yield f"  and {count - SHOWN_FAULTS:,} more; --json lists {len(report.faults):,} in all."


def _line(number: str, name: str) -> str:
    return f"{number:>22}  {name}"

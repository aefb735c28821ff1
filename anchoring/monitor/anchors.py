"""Holds what the contract has against the log, and prepares its conviction."""

from typing import TYPE_CHECKING, Any

from anchoring.chain.conviction_call import estimate_gas
from anchoring.errors import AnchoringError
from anchoring.monitor.case import Case
from anchoring.monitor.contract import ContractSeen
from anchoring.monitor.evidence import against_anchor, broken_rule, replayed
from anchoring.monitor.judging import convicting_pair
from anchoring.monitor.keeping import conviction
from anchoring.monitor.memory import Anchor, Unlawful
from anchoring.witness import replay

if TYPE_CHECKING:
    from anchoring.chain.client import Verdict


def judge(case: Case) -> None:
    """Replay the rules on all new leaves; the first that breaks one is kept, and ends the judging of this log."""
    if case.memory.unlawful is None:
        try:
            case.judging.judge()
        except replay.Unlawful as found:
            case.memory.unlawful = Unlawful(leaf=found.leaf, rule=found.rule, sentence=str(found), other=found.other)
        except AnchoringError as error:
            case.alert("state", "judged", error)
    unlawful = case.memory.unlawful
    if unlawful is None:
        return
    case.alert("rule", "", unlawful.sentence)
    if not case.keeping.has(f"rule-{unlawful.leaf}") and not case.keeping.has(f"replay-{unlawful.leaf}"):
        _keep_unlawful(case, unlawful)


def _keep_unlawful(case: Case, unlawful: Unlawful) -> None:
    size = case.copy.size
    pair = convicting_pair(case.copy, unlawful.leaf, unlawful.other, size)
    if pair is not None:
        case.keeping.keep(f"rule-{unlawful.leaf}", broken_rule(case.own_note, *pair[:2]), unlawful.sentence)
    elif size > 1:
        said = replayed(case.own_note, case.copy.entry(unlawful.leaf, size))
        case.keeping.keep(f"replay-{unlawful.leaf}", said, unlawful.sentence)


def check_contract(case: Case, seen: ContractSeen) -> None:
    """Compare every anchor that was not compared yet, as far as the log was followed and judged."""
    if seen.verdict is not None:
        _check_verdict(case, seen.verdict)
    if not seen.is_agreed:
        return
    if seen.head.size > case.copy.size:
        sentence = f"the chain has {seen.head.size} leaves, and the log gives {case.copy.size}"
        case.alert("anchor-ahead", "", sentence)
    for anchor in case.memory.anchors:
        if not anchor.is_same and anchor.size <= case.copy.size:
            _compare_root(case, anchor)
        if anchor.is_same and not anchor.is_counted and anchor.size <= case.judging.size:
            _compare_figures(case, anchor)


def prepare_conviction(case: Case, rpcs: tuple[str, ...]) -> None:
    """Write the `convict` transaction as soon as a tree with both leaves is anchored."""
    unlawful, contract, chain_id = case.memory.unlawful, case.config.contract, case.config.chain_id
    if unlawful is None or contract is None or chain_id is None:
        return
    file = f"convict-{unlawful.leaf}.json"
    if not case.keeping.has_conviction(file):
        anchored = (one.size for one in case.memory.anchors if one.is_same)
        pairs = ((size, convicting_pair(case.copy, unlawful.leaf, unlawful.other, size)) for size in anchored)
        size, pair = next((found for found in pairs if found[1] is not None), (0, None))
        if pair is None:
            return
        said = conviction(chain_id, contract, size, pair)
        said["gas"] = estimate_gas(rpcs, contract, bytes.fromhex(said["data"][2:]))
        case.keeping.keep_conviction(file, said)
    case.alert("rule", "transaction", f"{file} is ready to be sent to the contract")


def _check_verdict(case: Case, verdict: "Verdict") -> None:
    against = f"leaf {verdict.index} breaks {verdict.rule.name}, with leaf {verdict.other} beside it"
    case.alert("contract-broken", "", f"the contract holds proof that {against}")
    if verdict.size > case.copy.size or max(verdict.index, verdict.other) >= verdict.size:
        return
    pair = convicting_pair(case.copy, verdict.index, verdict.other, verdict.size)
    if pair is None or (pair[0].index, pair[2]) != (verdict.index, verdict.rule):
        case.alert("verdict", "", f"the log's leaves do not prove that {against}")


def _compare_root(case: Case, anchor: Anchor) -> None:
    root = case.copy.root_at(anchor.size)
    anchor.is_same = root.hex() == anchor.root
    name = f"anchor-{anchor.size}-{anchor.root[:16]}"
    if anchor.is_same or not case.keeping.wants(name):
        return
    prefix = None
    if 0 < anchor.size < case.copy.size:
        prefix = case.copy.prefix(anchor.size, case.read(case.own_note)).to_json()
    said = against_anchor("anchor", case.own_note, _said_of(case, anchor), {"prefix": prefix})
    sentence = f"the chain has {anchor.root} for {anchor.size} leaves, and the log {root.hex()}"
    case.keeping.keep(name, said, sentence)


def _compare_figures(case: Case, anchor: Anchor) -> None:
    counted = case.judging.count(case.memory.counted, anchor.size)
    if counted != (anchor.frontier_g, anchor.ended_g):
        ours = {"frontier_g": counted[0], "ended_g": counted[1]}
        said = against_anchor("figures", case.own_note, _said_of(case, anchor), {"counted": ours})
        sentence = (
            f"for {anchor.size} leaves the chain has a frontier of {anchor.frontier_g} and {anchor.ended_g} g ended, "
            f"and the leaves make {counted[0]} and {counted[1]}"
        )
        case.keeping.keep(f"figures-{anchor.size}-{anchor.root[:16]}", said, sentence)
    case.memory.counted, anchor.is_counted = (anchor.size, *counted), True


def _said_of(case: Case, anchor: Anchor) -> dict[str, Any]:
    said = anchor.model_dump(exclude={"is_same", "is_counted"})
    return {"chain_id": case.config.chain_id, "contract": case.config.contract, **said}

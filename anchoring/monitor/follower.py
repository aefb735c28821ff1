"""Follows one log, its witnesses, its contract and one's receipts, round by round.

A round takes these steps, each marked by its number below. The log is asked last, so that whatever the others have
seen of it, it has had time to show:

1. The contract, of every node.
2. The witnesses: what each has cosigned last.
3. The receipts that are new.
4. The log's checkpoint.
5. All leaves up to the largest tree signed, and every checkpoint seen anywhere held against them.
6. Every rule on the new leaves.
7. The anchors, the receipts, and what witnesses sign for the contract, held against the tree.
8. What is late or silent.
9. What was learnt is made durable; then, and only then, it is told.
10. Two histories are shown to the witnesses.

| we crash | what is there | after a restart |
|---|---|---|
| before 9 | leaves past the last tree, evidence | the leaves are fetched again; the evidence stands, and is told |
| after 9, before or while telling | all of it | all that holds is told again |
| before or in 10 | who was shown what | the others are shown it |
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from anchoring import note
from anchoring.errors import AnchoringError, Unreachable
from anchoring.monitor.alerts import Alert, AlertBook
from anchoring.monitor.anchors import check_contract, judge, prepare_conviction
from anchoring.monitor.case import Case
from anchoring.monitor.config import LogConfig
from anchoring.monitor.contract import ContractSeen, ContractWatch
from anchoring.monitor.copying import LogCopy
from anchoring.monitor.histories import compare_all
from anchoring.monitor.judging import Judging
from anchoring.monitor.keeping import Keeping
from anchoring.monitor.memory import Memory
from anchoring.monitor.receipts import Receipts
from anchoring.monitor.sightings import Sighting
from anchoring.monitor.witnesses import WitnessWatch
from anchoring.tree.sources import DirectorySource, HttpSource, Source

Tell = Callable[[str, Alert], None]
"""Takes `began` or `ended`, and the alert."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a log stands after a round; sizes are leaves, times Unix milliseconds."""

    name: str
    at_ms: int
    size: int
    judged: int
    anchored: int | None
    since_ms: int
    is_broken: bool
    receipts: int
    evidence: int
    witnesses: dict[str, tuple[int, int]]
    """Name -> (size, time by its own clock in seconds) of the last cosignature seen."""
    alerts: tuple[Alert, ...]

    @property
    def is_refuted(self) -> bool:
        """Whether anything is proven false."""
        return any(alert.is_refuted for alert in self.alerts)


def _nothing(_step: str) -> None:
    """Take no notice of a step."""


class Follower:
    """One log. `round` is called again and again, by one thread."""

    def __init__(
        self, config: LogConfig, folder: Path, clock: Callable[[], int], on_step: Callable[[str], None] = _nothing
    ) -> None:
        """Go on from the folder, or begin it; `on_step` is told each step.

        Raises Unreachable or Malformed when the folder cannot be used.
        """
        self._clock, self._on_step = clock, on_step
        self._path, self._book = folder / "memory.json", AlertBook()
        with ExitStack() as opening:
            keeping = Keeping(folder / "evidence", config.vkey)
            memory = Memory.load(self._path, config.vkey)
            self._source = _open_source(config.url, opening)
            copy = opening.enter_context(closing(LogCopy(folder / "mirror", self._source, memory)))
            judging = opening.enter_context(closing(Judging(folder / "judged", config.vkey, copy)))
            self._case = Case(config, memory, copy, judging, keeping)
            self._witnesses = opening.enter_context(closing(WitnessWatch(config)))
            self._contract, self._receipts = None, None
            if config.contract is not None and config.chain_id is not None:
                watch = ContractWatch(config.rpcs, config.contract, config.chain_id)
                self._contract = opening.enter_context(closing(watch))
            if config.receipts is not None:
                self._receipts = Receipts(config.receipts, config.vkey)
            self._opened = opening.pop_all()

    def close(self) -> None:
        """Close files and connections."""
        self._opened.close()

    def round(self, tell: Tell) -> Standing:
        """Look at everything once. What is wrong is in the standing, and told when it begins and when it ends.

        Raises Unreachable when our own disk fails: then nothing more is known, and nothing is told.
        """
        case, now = self._case, self._clock()
        memory, alerts = case.memory, case.alerts
        alerts.clear()
        # 1. The contract.
        anchored = None if self._contract is None else self._contract.look(memory, alerts)
        # 2. The witnesses.
        seen = self._witnesses.look(memory, alerts)
        # 3. The receipts.
        seen += [] if self._receipts is None else self._receipts.look(alerts)
        # 4. The log.
        log = self._read_log()
        # 5. The tree.
        compare_all(case, log, seen, now)
        # 6. The rules.
        judge(case)
        # 7. Anchors, receipts, signatures.
        if anchored is not None and self._contract is not None:
            check_contract(case, anchored)
            prepare_conviction(case, self._contract.rpcs)
        self._check_receipts()
        self._witnesses.check_signatures(case)
        # 8. What is late.
        self._find_late(anchored, now)
        # 9. Made durable, then told.
        alerts += case.keeping.alerts()
        memory.save(self._path)
        self._on_step("persisted")
        self._tell(tell)
        self._on_step("told")
        # 10. Shown.
        self._show()
        return self._standing(anchored, now)

    def _read_log(self) -> Sighting | None:
        case = self._case
        try:
            seen = case.read(self._source.read("checkpoint", note.MAX_NOTE))
        except Unreachable as error:
            case.alert("log-unreachable", "", error)
        except AnchoringError as error:
            case.alert("checkpoint", "", error)
        else:
            self._witnesses.note_cosignatures(seen, case.memory)
            return seen
        return None

    def _check_receipts(self) -> None:
        """Look for every receipt's leaf in our last tree, and in the last that is anchored."""
        case = self._case
        if self._receipts is None:
            return
        for size in {case.copy.size, max((one.size for one in case.memory.anchors if one.is_same), default=0)}:
            for file in self._receipts.check(case.copy, size):
                case.alert("receipt-dropped", file, f"its leaf is not in the log's {size} leaves at its index")

    def _find_late(self, anchored: ContractSeen | None, now: int) -> None:
        case, memory = self._case, self._case.memory
        tree, config = memory.tree, case.config
        same_s = (now - tree.since_ms) // 1000
        if tree.note is not None and same_s > config.checkpoint_within_s:
            case.alert("checkpoint-late", "", f"its checkpoint of {tree.size} leaves is the last since {same_s} s")
        if anchored is not None:
            size = anchored.head.size
            if size >= tree.size:
                memory.unanchored = None
            elif memory.unanchored is None or memory.unanchored[1] != size:
                memory.unanchored = (now, size)
            waits_s = 0 if memory.unanchored is None else (now - memory.unanchored[0]) // 1000
            if waits_s > config.anchored_within_s:
                sentence = f"the log has {tree.size} leaves and the chain {size}, since {waits_s} s"
                case.alert("anchor-late", "", sentence)
        self._witnesses.find_silent(memory, now, case.alerts)

    def _tell(self, tell: Tell) -> None:
        began, ended = self._book.update(self._case.alerts)
        for event, alerts in (("began", began), ("ended", ended)):
            for alert in alerts:
                tell(event, alert)

    def _show(self) -> None:
        """Show both sides of each split view to every witness that did not see them yet."""
        case, shown = self._case, self._case.memory.shown
        splits = [file for file in case.keeping.evidence if file.startswith("split-view-")]
        unshown = [(file, vkey) for file in splits for vkey in self._witnesses.reachable]
        unshown = [(file, vkey) for file, vkey in unshown if vkey not in shown.get(file, [])]
        if not unshown:
            return
        with ThreadPoolExecutor(8, "show") as pool:
            done = pool.map(lambda one: self._witnesses.show(one[1], case.keeping.notes(one[0])), unshown)
            for (file, vkey), is_shown in zip(unshown, done, strict=True):
                if is_shown:
                    shown.setdefault(file, []).append(vkey)
        case.memory.save(self._path)
        self._on_step("shown")

    def _standing(self, anchored: ContractSeen | None, now: int) -> Standing:
        case = self._case
        return Standing(
            case.config.name,
            now,
            case.copy.size,
            case.judging.size,
            None if anchored is None else anchored.head.size,
            case.memory.tree.since_ms,
            anchored is not None and anchored.head.broken,
            0 if self._receipts is None else len(self._receipts.held),
            len(case.keeping.evidence),
            self._witnesses.standing(case.memory),
            tuple(self._book.active.values()),
        )


def _open_source(url: str, opening: ExitStack) -> Source:
    if url.startswith(("http://", "https://")):
        return opening.enter_context(HttpSource(url))
    return DirectorySource(Path(url))

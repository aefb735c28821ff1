"""The witnesses of one log: what each cosigned last, since when it is silent, and showing it two histories."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from anchoring.errors import AnchoringError, Malformed, Refuted, Unreachable
from anchoring.monitor.alerts import Alert
from anchoring.monitor.case import Case
from anchoring.monitor.config import LogConfig, WitnessConfig
from anchoring.monitor.memory import Memory, WitnessSeen
from anchoring.monitor.sightings import Sighting, read_sighting
from anchoring.note import parse_vkey
from anchoring.witness.client import WitnessClient

WITNESS_S: Final = 10.0
"""For one exchange with a witness, however it trickles."""
NO_ADDRESS: Final = "0x" + 40 * "0"
"""Of a witness whose signatures for the contract are not asked for."""
Told = tuple[int, str, int, bytes, int, int]
"""What the contract is told of a tree: chain id, contract, size, root, frontier and ended grams."""


class WitnessWatch:
    """All witnesses of one log; those with a URL are asked, of the others what the log publishes is read."""

    def __init__(self, config: LogConfig) -> None:
        """Connect to nothing yet."""
        self._config = config
        self._origin = parse_vkey(config.vkey).name
        self._clients = {
            one.vkey: WitnessClient(one.url, one.vkey, one.address or NO_ADDRESS, WITNESS_S)
            for one in config.witnesses
            if one.url is not None
        }

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    @property
    def reachable(self) -> Sequence[str]:
        """The vkeys of those that have a URL."""
        return tuple(self._clients)

    def look(self, memory: Memory, alerts: list[Alert]) -> list[Sighting]:
        """Ask all for what they cosigned last, side by side."""
        asked = [one for one in self._config.witnesses if one.vkey in self._clients]
        if not asked:
            return []
        with ThreadPoolExecutor(len(asked), "witness") as pool:
            answers = list(pool.map(self._ask, asked))
        seen = []
        for answer in answers:
            if isinstance(answer, Alert):
                alerts.append(answer)
            elif answer is not None:
                self.note_cosignatures(answer, memory)
                seen.append(answer)
        return seen

    def note_cosignatures(self, seen: Sighting, memory: Memory) -> None:
        """Learn from a checkpoint who has cosigned it."""
        for vkey, at_s in seen.cosigned_s.items():
            known = memory.witnesses.setdefault(vkey, WitnessSeen())
            if seen.tree.size > known.size:
                known.behind_since_ms = None
            if seen.tree.size >= known.size:
                known.size, known.at_s = seen.tree.size, max(at_s, known.at_s)

    def find_silent(self, memory: Memory, now_ms: int, alerts: list[Alert]) -> None:
        """Tell those that are behind the log, and cosigned nothing new for too long."""
        for one in self._config.witnesses:
            known = memory.witnesses.setdefault(one.vkey, WitnessSeen())
            if known.size >= memory.tree.size:
                known.behind_since_ms = None
                continue
            if known.behind_since_ms is None:
                known.behind_since_ms = now_ms
            silent_ms = now_ms - known.behind_since_ms
            if silent_ms > self._config.witnessed_within_s * 1000:
                sentence = f"it cosigned {known.size} leaves last, and the log has {memory.tree.size}"
                alerts.append(Alert("witness-silent", one.name, f"{sentence}, since {silent_ms // 1000} s"))

    def check_signatures(self, case: Case) -> None:
        """Hold what each signs for the contract, of the tree it cosigned last, against the judged leaves.

        What holds is not asked for again; everything else is, in each round.
        """
        asked = [one for one in self._config.witnesses if one.address is not None and _is_unsigned(case, one)]
        if not asked:
            return
        trees = [_told(case, case.memory.witnesses[one.vkey].size) for one in asked]
        with ThreadPoolExecutor(len(asked), "witness") as pool:
            for one, tree, wrong in zip(asked, trees, pool.map(self._compare, asked, trees), strict=True):
                if wrong is None:
                    case.memory.witnesses[one.vkey].signed_size = tree[2]
                else:
                    case.alerts.append(wrong)

    def show(self, vkey: str, notes: Sequence[bytes]) -> bool:
        """Show a witness checkpoints that contradict each other; whether it has seen them."""
        try:
            for signed in notes:
                self._clients[vkey].show(signed)
        except Refuted:
            return True  # it said something too long; it has seen them
        except AnchoringError:
            return False
        return True

    def standing(self, memory: Memory) -> dict[str, tuple[int, int]]:
        """Give size and time, by its own clock in seconds, of each one's last cosignature seen, by its name."""
        known = {one.name: memory.witnesses.get(one.vkey, WitnessSeen()) for one in self._config.witnesses}
        return {name: (seen.size, seen.at_s) for name, seen in known.items()}

    def _compare(self, one: WitnessConfig, tree: Told) -> Alert | None:
        try:
            self._clients[one.vkey].sign_checkpoint(*tree)
        except Unreachable as error:
            return Alert("witness-unreachable", one.name, str(error))
        except AnchoringError as error:
            return Alert("witness-signature", one.name, str(error))
        return None

    def _ask(self, one: WitnessConfig) -> Sighting | Alert | None:
        try:
            data = self._clients[one.vkey].last_checkpoint(self._origin)
            if data is None:
                return None
            seen = read_sighting(data, self._config.vkey, [one.vkey], f"witness {one.name}")
        except (Malformed, Refuted) as error:
            return Alert("witness-false", one.name, str(error))
        except AnchoringError as error:
            return Alert("witness-unreachable", one.name, str(error))
        if one.vkey not in seen.cosigned_s:
            return Alert("witness-false", one.name, "what it gives as cosigned bears no cosignature of its that holds")
        return seen


def _is_unsigned(case: Case, one: WitnessConfig) -> bool:
    known = case.memory.witnesses.get(one.vkey, WitnessSeen())
    return known.signed_size < known.size <= case.judging.size


def _told(case: Case, size: int) -> Told:
    """Say what the contract is to be told of our first `size` leaves."""
    if case.config.contract is None or case.config.chain_id is None:
        raise Malformed("there is no contract")
    figures = case.judging.count(case.memory.counted, size)
    return case.config.chain_id, case.config.contract, size, case.copy.root_at(size), *figures

"""The files that a monitor leaves for people: evidence, and transactions that are ready to be sent.

Each appears whole, and is written once; there are at most MAX_KEPT of them, because a log that goes on lying must not
fill the disk, and the first ones convict it.
"""

import json
from pathlib import Path
from typing import Any, Final

from anchoring.chain.conviction_call import call_data
from anchoring.conviction import Entry, convicting_rule
from anchoring.errors import AnchoringError, Malformed, Refuted, Unreachable
from anchoring.monitor.alerts import Alert
from anchoring.monitor.evidence import MAX_EVIDENCE, entry_json, parse_json, read_entry, verify_evidence
from anchoring.tree.sources import read_file
from registry.keyfile import replace_file
from registry.ledger.rules import SENTENCES, Rule

MAX_KEPT: Final = 100
KINDS: Final = ("split-view", "rule", "replay", "anchor", "figures")
CONVICTION: Final = "gramledger/conviction/v1"


class Keeping:
    """The files in one folder; `evidence` has the name of each that proves something, with one sentence."""

    def __init__(self, folder: Path, vkey: str) -> None:
        """Read what is there; a file that proves nothing is passed over. Raises Unreachable for a useless folder."""
        self.folder = folder
        self.evidence: dict[str, str] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            names = sorted(path.name for path in folder.glob("*.json"))[: 2 * MAX_KEPT]
            for name in names:
                if name.startswith(KINDS):
                    self._take(name, read_file(folder / name, MAX_EVIDENCE), vkey)
        except OSError as error:
            raise Unreachable(f"The folder {folder} cannot be used: {error.strerror}.") from error

    def has(self, name: str) -> bool:
        """Whether there is evidence of that name."""
        return f"{name}.json" in self.evidence

    def wants(self, name: str) -> bool:
        """Whether evidence of that name would be kept: it costs work to make."""
        return not self.has(name) and len(self.evidence) < MAX_KEPT

    def keep(self, name: str, said: dict[str, Any], sentence: str) -> None:
        """Keep evidence under a name, durably, unless it is there or there is enough. Raises Unreachable."""
        if self.wants(name):
            self._write(f"{name}.json", said | {"found": sentence})
            self.evidence[f"{name}.json"] = sentence

    def alerts(self) -> list[Alert]:
        """Give an alert for each."""
        kinds = {file: next(kind for kind in KINDS if file.startswith(kind)) for file in self.evidence}
        return [Alert(kinds[file], file, sentence) for file, sentence in self.evidence.items()]

    def notes(self, file: str) -> list[bytes]:
        """Give the checkpoints of a split view, as far as they can be read."""
        try:
            said = parse_json(read_file(self.folder / file, MAX_EVIDENCE), "evidence").get("checkpoints")
        except (AnchoringError, OSError):
            return []
        return [one.encode() for one in said if isinstance(one, str)] if isinstance(said, list) else []

    def has_conviction(self, file: str) -> bool:
        """Whether there is a transaction of that name."""
        return (self.folder / file).exists()

    def keep_conviction(self, file: str, said: dict[str, Any]) -> None:
        """Keep a transaction, durably; there is one for a log. Raises Unreachable."""
        self._write(file, said)

    def _take(self, name: str, data: bytes, vkey: str) -> None:
        try:
            sentence = verify_evidence(data, vkey)
        except Unreachable as error:
            sentence = str(error)
        except AnchoringError:
            return
        found = parse_json(data, "evidence").get("found")
        self.evidence[name] = found if isinstance(found, str) else sentence

    def _write(self, file: str, said: dict[str, Any]) -> None:
        try:
            replace_file(self.folder / file, json.dumps(said, indent=1).encode() + b"\n")
        except OSError as error:
            raise Unreachable(f"{self.folder / file} cannot be written: {error.strerror}.") from error


def conviction(chain_id: int, contract: str, size: int, pair: tuple[Entry, Entry, Rule]) -> dict[str, Any]:
    """Write down a `convict` transaction: `to`, `data`, `value`, chain id, and what they are made from."""
    accused, other, rule = pair
    return {
        "format": CONVICTION,
        "chain_id": chain_id,
        "to": contract,
        "value": "0x0",
        "data": "0x" + call_data(size, accused, other).hex(),
        "gas": None,
        "rule": rule.name,
        "sentence": SENTENCES[rule],
        "size": size,
        "accused": entry_json(accused),
        "other": entry_json(other),
    }


def read_conviction(data: bytes) -> tuple[int, str, int, Entry, Entry]:
    """Read a conviction: chain id, contract, size, and the two leaves, from which the call is made anew.

    Raises Malformed when it is none, Refuted when the leaves break no rule: sending it would cost for nothing.
    """
    said = parse_json(data, "a conviction")
    if said.get("format") != CONVICTION:
        raise Malformed(f"a conviction says that its format is {CONVICTION}")
    chain_id, contract, size = (said.get(name) for name in ("chain_id", "to", "size"))
    if type(chain_id) is not int or not isinstance(contract, str) or type(size) is not int:
        raise Malformed("a conviction names a chain, a contract and a size")
    accused, other = read_entry(said.get("accused")), read_entry(said.get("other"))
    if convicting_rule(accused, other) is None:
        raise Refuted("these two leaves break no rule")
    return chain_id, contract, size, accused, other

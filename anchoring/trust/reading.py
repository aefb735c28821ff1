"""Reads a trust file, strictly: what another reader could take for something else is refused, with line and reason."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from anchoring.errors import Malformed
from anchoring.note import Verifier
from anchoring.signing import address_bytes, checksummed
from anchoring.trust.file import MAX_TRUST, Chain, Log, Trust, TrustFault
from anchoring.trust.policy import MAX_WITNESSES, NONE, Group, Policy, Witness, log_key, witness_key

MAX_GROUPS: Final = 64
MAX_CHAINS: Final = 16
MAX_RPCS: Final = 8
"""Endpoints of one chain."""
MAX_URL: Final = 2000
_BLANKS: Final = re.compile("[ \t]+")
_FORBIDDEN: Final = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_URL: Final = re.compile(r"https?://[^/?#@\\]+(?:[/?#][^@\\]*)?")
_NUMBER: Final = re.compile("[1-9][0-9]{0,18}")
MAX_CHAIN_ID: Final = 2**63 - 1


class _Wrong(Exception):
    def __init__(self, fault: str, sentence: str) -> None:
        super().__init__(sentence)
        self.fault, self.sentence = fault, sentence


def read(data: bytes) -> Trust:
    """Read a trust file. Raises TrustFault, which names the line, what is wrong there and what to do."""
    reading = _Reading()
    for number, line in enumerate(_text(data).split("\n")[:-1], start=1):
        try:
            reading.take(line)
        except _Wrong as wrong:
            raise TrustFault(wrong.fault, wrong.sentence, number) from None
    if reading.log is None:
        raise TrustFault("trust-no-log", "it names no log; give its key: log <vkey> [<url>].")
    if reading.quorum is None:
        raise TrustFault("trust-no-quorum", "it has no quorum line; name a witness or a group, or say: quorum none.")
    policy = Policy(tuple(reading.witnesses), tuple(reading.groups), reading.quorum)
    return Trust(reading.log, policy, tuple(reading.chains))


def _text(data: bytes) -> str:
    if len(data) > MAX_TRUST:
        raise TrustFault("trust-size", f"it has more than {MAX_TRUST} bytes; nothing of it was read.")
    if found := _FORBIDDEN.search(data):
        line = data.count(b"\n", 0, found.start()) + 1
        sentence = f"the byte {found[0][0]:#04x} may not stand there; save it as plain text, lines ended by newlines."
        raise TrustFault("trust-octets", sentence, line)
    if data and not data.endswith(b"\n"):
        line = data.count(b"\n") + 1
        raise TrustFault(
            "trust-cut", "the last line has no newline at its end: is the file whole? End it by one.", line
        )
    return data.decode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Reading:
    """What was read so far; a line can name only what stands before it."""

    log: Log | None = None
    quorum: str | None = None
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)

    def take(self, line: str) -> None:
        """Read one line."""
        items = [item for item in _BLANKS.split(line) if item]
        if not items:
            return
        word = items[0]
        if word.lower().startswith("#chain"):
            self._take_chain(items)
        elif not word.startswith("#"):
            take = _TAKEN.get(word)
            if take is None:
                raise _Wrong(
                    "trust-unknown-line",
                    f"{word[:40]!r} begins no line that is known: log, witness, group, quorum. A comment begins by #.",
                )
            take(self, items[1:])

    def _take_log(self, items: list[str]) -> None:
        _check_count(items, 1, 2, "log <vkey> [<url>]")
        if self.log is not None:
            raise _Wrong("trust-two-logs", "it names a second log; one file is of one log, so make a file for each.")
        self.log = Log(_key(log_key, items[0]), _url(items[1:]))

    def _take_witness(self, items: list[str]) -> None:
        _check_count(items, 2, 3, "witness <name> <vkey> [<url>]")
        made = Witness(items[0], _key(witness_key, items[1]), _url(items[2:]))
        if len(self.witnesses) == MAX_WITNESSES:
            raise _Wrong("trust-too-many", f"more than {MAX_WITNESSES} witnesses cannot cosign one checkpoint.")
        self._name(made.name)
        for other in self.witnesses:
            if other.verifier.public_key == made.verifier.public_key:
                sentence = f"its key is that of {other.name[:40]!r} and would count twice; leave one of them out."
                raise _Wrong("trust-key-twice", sentence)
        self.witnesses.append(made)

    def _take_group(self, items: list[str]) -> None:
        _check_count(items, 3, None, "group <name> all|any|<k> <member>...")
        name, said, *members = items
        if len(self.groups) == MAX_GROUPS:
            raise _Wrong("trust-too-many", f"more than {MAX_GROUPS} groups are not read.")
        for member in members:
            self._join(member)
        threshold = _threshold(said, len(members))
        self._name(name)
        self.groups.append(Group(name, threshold, tuple(members)))

    def _take_quorum(self, items: list[str]) -> None:
        _check_count(items, 1, 1, "quorum <name>")
        if self.quorum is not None:
            raise _Wrong("trust-two-quorums", "it has a quorum already; put what must both be met into one group: all.")
        if items[0] != NONE and items[0] not in self.names:
            raise _Wrong("trust-unknown-member", _unknown(items[0]))
        self.quorum = items[0]

    def _take_chain(self, items: list[str]) -> None:
        if items[0] != "#chain" or len(items) < 3:
            sentence = (
                "this is no chain line: #chain <id> <contract> [<rpc>]... If it is a remark, put a space after #."
            )
            raise _Wrong("trust-chain", sentence)
        if len(self.chains) == MAX_CHAINS or len(items) > 3 + MAX_RPCS:
            raise _Wrong(
                "trust-too-many", f"more than {MAX_CHAINS} chain lines, or {MAX_RPCS} endpoints, are not read."
            )
        made = Chain(_chain_id(items[1]), _contract(items[2]), tuple(_address(one) for one in items[3:]))
        if self.chains and self.chains[-1].place == made.place:
            sentence = "this is the contract of the chain line before; a move leads to another. Leave one of them out."
            raise _Wrong("trust-chain-twice", sentence)
        self.chains.append(made)

    def _name(self, name: str) -> None:
        if name == NONE:
            raise _Wrong("trust-name", "'none' is the quorum that asks nobody; choose another name.")
        if name in self.names:
            raise _Wrong("trust-name-twice", f"the name {name[:40]!r} is taken by a line before; choose another one.")
        self.names.add(name)

    def _join(self, member: str) -> None:
        if member not in self.names:
            raise _Wrong("trust-unknown-member", _unknown(member))
        if member in self.members:
            sentence = f"{member[:40]!r} is a member of a group already and would count twice; leave one of them out."
            raise _Wrong("trust-member-twice", sentence)
        self.members.add(member)


_TAKEN: Final[Mapping[str, Callable[[_Reading, list[str]], None]]] = {
    "log": _Reading._take_log,  # noqa: SLF001  (a table of its own methods)
    "witness": _Reading._take_witness,  # noqa: SLF001
    "group": _Reading._take_group,  # noqa: SLF001
    "quorum": _Reading._take_quorum,  # noqa: SLF001
}


def _unknown(name: str) -> str:
    if name == NONE:
        return "'none' is no member; leave it out."
    return f"{name[:40]!r} is no witness and no group of a line before; define it above, or correct the name."


def _check_count(items: list[str], least: int, most: int | None, form: str) -> None:
    if len(items) < least or (most is not None and len(items) > most):
        raise _Wrong("trust-items", f"it has too few or too many items; write: {form}.")


def _key(read_key: Callable[[str], Verifier], vkey: str) -> Verifier:
    try:
        return read_key(vkey)
    except Malformed as fault:
        raise _Wrong("trust-key", f"{fault}; copy the key again from its owner.") from None


def _threshold(said: str, count: int) -> int:
    if said in {"all", "any"}:
        return count if said == "all" else 1
    if _NUMBER.fullmatch(said) is None or int(said) > count:
        sentence = f"{said[:40]!r} of {count} members can never be met, or asks nobody; write all, any or 1 to {count}."
        raise _Wrong("trust-threshold", sentence)
    return int(said)


def _url(items: list[str]) -> str | None:
    return _address(items[0]) if items else None


def _address(url: str) -> str:
    if len(url.encode("utf-8", "surrogateescape")) > MAX_URL or _URL.fullmatch(url) is None:
        raise _Wrong("trust-url", f"{url[:40]!r} is no address: http(s)://HOST, with a path or without, no password.")
    return url


def _chain_id(said: str) -> int:
    if _NUMBER.fullmatch(said) is None or int(said) > MAX_CHAIN_ID:
        raise _Wrong("trust-chain", f"{said[:40]!r} is no chain's id: a decimal number from 1 to 2^63 - 1.")
    return int(said)


def _contract(said: str) -> str:
    try:
        if said.startswith("0x"):
            return checksummed(address_bytes(said))
    except Malformed:
        pass
    sentence = f"{said[:50]!r} is no contract: 0x and 40 hex digits, mixed case only as its checksum (EIP-55) says."
    raise _Wrong("trust-chain", sentence)

"""Altered calls of the real contract on py-evm: each must revert, with the error that says what is wrong."""

from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from anchoring.chain.embedded import CHAIN_ID
from anchoring.chain.signers import LocalKey
from anchoring.errors import AnchoringError, Refuted
from anchoring.tree.tiles import inclusion_proof
from tests.tamper.of_files import OfFiles
from tests.tamper.verdict import Tried, judged, missed, refused
from tests.tamper.world import AUTHORITIES, World

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
NOT_SIGNED = {"UnknownSigner", "MalformedSignature", "RepeatedSigner"}


class OfContract:
    """Draws alterations of the one call that would bring the second contract from the first size to the last."""

    def __init__(self, world: World, random: Random) -> None:
        self.world, self.random = world, random
        last = world.anchors[-1]
        self.values = [last.size, last.root, last.frontier, last.ended]
        self.proof = world.growth()
        self.contract = world.behind
        self.signatures = self.signed(self.values)
        if self.refusal(self.values, self.proof, self.signatures) is not None:
            raise AssertionError("the honest call is refused")

    def run(self, count: int) -> Iterator[Tried]:
        kinds: list[Callable[[], Tried]] = [
            self.proof_node, self.proof_length, self.signature_bit, self.signature_bit, self.signers, self.domain,
            self.figure, self.figure, self.rewritten, self.shrunk, self.included, self.included,
        ]  # fmt: skip
        for number in range(count):
            yield kinds[number % len(kinds)]()

    def signed(
        self, values: Sequence[Any], signers: Sequence[LocalKey] = AUTHORITIES[:2], chain: int = CHAIN_ID
    ) -> list[bytes]:
        return [signer.sign_checkpoint(chain, self.contract.address, *values) for signer in signers]

    def refusal(self, values: Sequence[Any], proof: Sequence[bytes], signatures: Sequence[bytes]) -> str | None:
        """The name of the error that the contract reverts with, None if it takes the call."""
        try:
            with self.contract._chain.asked():
                self.contract._contract.functions.anchor(*values, list(proof), list(signatures)).call()
        except Refuted as error:
            return str(error).removeprefix("The contract refuses: ").split("(")[0].rstrip(".")
        return None

    def judge(self, kind: str, what: str, expected: set[str], *call: Any) -> Tried:
        error = self.refusal(*call)
        tried = judged(f"anchor: {kind}", what, {error}, expected)
        return refused(tried.kind, what, error) if tried.verdict == "found" else tried

    def flipped(self, data: bytes) -> bytes:
        changed = bytearray(data)
        changed[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        return bytes(changed)

    def proof_node(self) -> Tried:
        proof = list(self.proof)
        at = self.random.randrange(len(proof))
        proof[at] = self.flipped(proof[at])
        return self.judge("proof node", f"node {at}", {"Inconsistent"}, self.values, proof, self.signatures)

    def proof_length(self) -> Tried:
        proof, at = list(self.proof), self.random.randrange(len(self.proof))
        match self.random.randrange(4):
            case 0:
                del proof[at]
            case 1:
                proof.insert(at, self.random.randbytes(32))
            case 2:
                proof = proof[:at] + proof[at + 1 :][::-1] + [proof[at], proof[at]]
            case _:
                proof += [self.random.randbytes(32)] * self.random.randrange(1, 100)
        return self.judge("proof length", f"{len(proof)} nodes", {"Inconsistent"}, self.values, proof, self.signatures)

    def signature_bit(self) -> Tried:
        signatures = list(self.signatures)
        at = self.random.randrange(2)
        signatures[at] = self.flipped(signatures[at])
        return self.judge("signature bit", f"signature {at}", NOT_SIGNED, self.values, self.proof, signatures)

    def signers(self) -> Tried:
        """Too few, one twice, a stranger, one in the other of its two mathematical forms, one too short."""
        one, two = self.signatures
        high = one[:32] + (ORDER - int.from_bytes(one[32:64])).to_bytes(32) + bytes([55 - one[64]])
        stranger = self.signed(self.values, [LocalKey(self.random.randbytes(32))])[0]
        kind, signatures, expected = self.random.choice(
            [
                ("too few", [one], "TooFewSignatures"),
                ("none", [], "TooFewSignatures"),
                ("one twice", [one, one], "RepeatedSigner"),
                ("a stranger", [one, stranger], "UnknownSigner"),
                ("high s", [high, two], "MalformedSignature"),
                ("cut", [one, two[: self.random.randrange(65)]], "MalformedSignature"),
            ]
        )
        return self.judge("signers", kind, {expected}, self.values, self.proof, signatures)

    def domain(self) -> Tried:
        """Signatures for another chain, or for another contract."""
        if self.random.random() < 0.5:
            signatures = self.signed(self.values, chain=self.random.randrange(1, 10**9))
        else:
            other = self.world.client.address
            signatures = [signer.sign_checkpoint(CHAIN_ID, other, *self.values) for signer in AUTHORITIES[:2]]
        return self.judge("another domain", "signatures", {"UnknownSigner"}, self.values, self.proof, signatures)

    def figure(self) -> Tried:
        """One value is altered after the signatures were made."""
        values, at = list(self.values), self.random.randrange(4)
        if at == 1:
            values[1] = self.flipped(values[1])
        else:
            values[at] = max(
                0,
                values[at] + self.random.choice([-1, 1]) * self.random.randrange(1, 2 ** self.random.randrange(1, 60)),
            )
        if values[at] == self.values[at]:
            values[at] += 1
        expected = NOT_SIGNED | {"SizeNotGrown", "SizeTooLarge", "EndedPassesFrontier", "FrontierShrunk", "EndedShrunk"}
        return self.judge(
            "figure", f"{self.values[at]!r} to {values[at]!r}", expected, values, self.proof, self.signatures
        )

    def rewritten(self) -> Tried:
        """The authorities themselves sign a log that does not continue the anchored one."""
        files = OfFiles(self.world, self.random)
        leaves = self.world.leaves.copy()
        index = self.random.randrange(self.world.sizes[0])
        leaves["evidence"][index] ^= self.random.randrange(1, 256)
        root = self.root_of(files.signed(leaves)["checkpoint"])
        values = [self.values[0], root, *self.values[2:]]
        return self.judge("rewritten log", f"leaf {index}", {"Inconsistent"}, values, self.proof, self.signed(values))

    @staticmethod
    def root_of(note: bytes) -> bytes:
        return b64decode(note.split(b"\n")[2])

    def shrunk(self) -> Tried:
        """The authorities themselves sign figures or a size that go back."""
        values, first = list(self.values), self.world.anchors[0]
        at, expected, value = self.random.choice(
            [
                (0, "SizeNotGrown", self.random.randrange(1, first.size + 1)),
                (0, "SizeTooLarge", 2**44 + self.random.randrange(1, 2**50)),
                (1, "ZeroRoot", bytes(32)),
                (2, "FrontierShrunk", self.random.randrange(first.frontier)),
                (3, "EndedPassesFrontier", values[2] + self.random.randrange(1, 2**40)),
            ]
        )
        values[at] = value
        return self.judge("going back", expected, {expected}, values, self.proof, self.signed(values))

    def included(self) -> Tried:
        """A leaf that is not in the tree, or not there, or not by this path, or under a size that is not anchored."""
        size = self.world.sizes[-1]
        index = self.random.randrange(size)
        leaf, path = self.world.leaves[index].tobytes(), inclusion_proof(self.world.reader, index, size)
        other = (index + self.random.randrange(1, size)) % size
        at = self.random.randrange(len(path))
        call: tuple[bytes, int, int, list[bytes]] = self.random.choice(
            [
                (self.flipped(leaf), index, size, path),
                (leaf, other, size, path),
                (leaf, index + size, size, path),
                (leaf, index, size - 1, path),
                (leaf, index, size, [*path[:at], self.flipped(path[at]), *path[at + 1 :]]),
                (leaf, index, size, path[:at] + path[at + 1 :]),
                (leaf, index, size, [*path, self.random.randbytes(32)]),
            ]
        )
        what = f"leaf {index} as {call[1]} of {call[2]}"
        try:
            holds = self.world.client.included(*call)
        except AnchoringError as error:
            return refused("included", what, error)
        return missed("included", what, "it holds") if holds else refused("included", what, "false")

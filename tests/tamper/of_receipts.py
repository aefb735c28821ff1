"""Alterations of receipts, line by line, and of evidence that is shown with one."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from random import Random

import sqlalchemy as sa

from anchoring.errors import AnchoringError
from anchoring.receipt import parse
from anchoring.tree.tiles import TileReader, inclusion_proof
from anchoring.trust.policy import k_of
from anchoring.verify import Anchors, Outcome, verify_receipt
from registry.database.schema import evidence
from registry.evidence.document import disclose, verify
from registry.ledger.documents import whole
from tests.tamper.of_files import Held, OfFiles
from tests.tamper.verdict import Tried, judged, missed, refused
from tests.tamper.world import COSIGNER_VKEYS, VKEY, Ledger, World

READABLE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-. \n"
NO_PROOF = {Outcome.REFUTED, Outcome.ANOTHER_LOG, Outcome.UNCHECKED}


class OfReceipts:
    """Draws alterations of the receipts of one world's last size."""

    def __init__(self, world: World, random: Random) -> None:
        self.world, self.random = world, random
        roots = {one.size: one.root for one in world.anchors}
        self.anchors = Anchors(world.sizes[-1], roots.get)

    def run(self, count: int) -> Iterator[Tried]:
        lines = [
            ("header", {1}), ("extra", {1, 4, 5}), ("index", {1, 5}), ("path", {1, 5}), ("origin", {2}), ("size", {2}),
            ("root", {2}), ("log signature", {2}), ("cosignature", {2, 3}),
        ]  # fmt: skip
        kinds: list[Callable[[], Tried]] = [partial(self.line, name, steps) for name, steps in lines]
        kinds += [self.cut, self.path_order, self.another_leaf, self.second_history, self.no_cosignature]
        for number in range(count):
            yield kinds[number % len(kinds)]()

    def judge(self, kind: str, what: str, receipt: bytes, steps: set[int]) -> Tried:
        done = verify_receipt(receipt, VKEY, k_of(COSIGNER_VKEYS), self.anchors)
        failed = {step.number for step in done.steps if step.outcome in NO_PROOF}
        return judged(f"receipt: {kind}", what, failed, steps)

    def draw(self) -> tuple[int, list[str]]:
        index = self.random.randrange(self.world.sizes[-1])
        return index, self.world.receipt(index).decode().split("\n")

    def line(self, name: str, steps: set[int]) -> Tried:
        """One character of a line is replaced, added or lost."""
        index, lines = self.draw()
        blank = lines.index("")
        place = {
            "header": 0, "extra": 1, "index": 2, "path": self.random.randrange(3, blank), "origin": blank + 1,
            "size": blank + 2, "root": blank + 3, "log signature": blank + 5,
            "cosignature": self.random.randrange(blank + 6, len(lines) - 1),
        }[name]  # fmt: skip
        before = lines[place]
        at = self.random.randrange(len(before))
        lines[place] = self.random.choice(
            [
                before[:at] + self.random.choice(READABLE.replace(before[at], "")) + before[at + 1 :],
                before[:at] + before[at + 1 :],
                before[:at] + self.random.choice(READABLE[:-1]) + before[at:],
            ]
        )
        if lines[place] == before:
            lines[place] = ""
        # A line break cuts the text elsewhere, so that what follows is no longer where the format has it.
        steps = steps | {1, 2, 3} if "\n" in lines[place] or not lines[place] else steps
        return self.judge(name, f"receipt {index} line {place}: {lines[place]!r}", "\n".join(lines).encode(), steps)

    def cut(self) -> Tried:
        index = self.random.randrange(self.world.sizes[-1])
        receipt = self.world.receipt(index)
        end = self.random.randrange(len(receipt))
        return self.judge("cut short", f"receipt {index} at {end}", receipt[:end], {1, 2, 3})

    def path_order(self) -> Tried:
        index, lines = self.draw()
        one, other = self.random.sample(range(3, lines.index("")), 2)
        match self.random.randrange(3):
            case 0:
                lines[one], lines[other] = lines[other], lines[one]
            case 1:
                del lines[one]
            case _:
                lines.insert(one, lines[other])
        return self.judge("path order", f"receipt {index} {one} {other}", "\n".join(lines).encode(), {5})

    def another_leaf(self) -> Tried:
        index, lines = self.draw()
        other, others = self.draw()
        while other == index:
            other, others = self.draw()
        lines[1] = others[1]
        return self.judge("another leaf", f"receipt {index} with leaf {other}", "\n".join(lines).encode(), {5})

    def second_history(self) -> Tried:
        """The log and its cosigners sign another history of the same size: only the chain tells."""
        files = OfFiles(self.world, self.random)
        leaves = self.world.leaves.copy()
        index = self.random.randrange(len(leaves))
        leaves["evidence"][index] ^= self.random.randrange(1, 256)
        served = files.signed(leaves)
        path = tuple(inclusion_proof(TileReader(Held(served)), index, len(leaves)))
        honest = parse(self.world.receipt(index))
        false = replace(honest, leaf=leaves[index].tobytes(), path=path, checkpoint_text=served["checkpoint"])
        return self.judge("of a second history", f"leaf {index}", false.encode(), {6})

    def no_cosignature(self) -> Tried:
        index, lines = self.draw()
        del lines[self.random.randrange(len(lines) - 3, len(lines) - 1)]
        return self.judge("a cosignature less", f"receipt {index}", "\n".join(lines).encode(), {3})


def of_evidence(ledger: Ledger, random: Random, count: int) -> Iterator[Tried]:
    """Documents with some fields shown: whatever is altered, the document no longer has its digest."""
    with ledger.scheme.database.transaction() as tx:
        vault = ledger.scheme.ledger.vault
        rows = tx.execute(sa.select(evidence)).all()
        documents = [(whole(vault, row), bytes(row.digest)) for row in rows if len(row.fields) > 1]
    documents.sort(key=lambda one: one[1])
    for number in range(count):
        fields, digest = random.choice(documents)
        shown = disclose(fields, random.sample(sorted(fields), random.randrange(1, len(fields) + 1)))
        name, kind = random.choice(sorted(shown)), ("value", "salt", "name", "field gone", "field added")[number % 5]
        before = shown.pop(name)
        if kind in ("value", "salt") and isinstance(before, str):
            kind = "withheld digest"
        altered = {
            "withheld digest": lambda name=name: {name: random.randbytes(32).hex()},
            "value": lambda name=name, before=before: {name: [before[0], [before[1]]]},
            "salt": lambda name=name, before=before: {name: [before[0][::-1] + "A", before[1]]},
            "name": lambda name=name, before=before: {name + random.choice("abc \u200b"): before},
            "field gone": dict,
            "field added": lambda name=name, before=before: {name: before, f"{name}2": ["salt", 1]},
        }[kind]()
        holds = verify(shown | altered, digest)
        what = f"{digest.hex()[:12]} {name}"
        yield missed(f"evidence: {kind}", what, "it holds") if holds else refused(f"evidence: {kind}", what, "refused")


def open_honest(world: World) -> None:
    """What is altered holds before: otherwise a refusal says nothing."""
    receipts = OfReceipts(world, Random(0))
    for index in (0, 300, world.sizes[-1] - 1):
        done = verify_receipt(world.receipt(index), VKEY, k_of(COSIGNER_VKEYS), receipts.anchors)
        if done.outcome != Outcome.HOLDS:
            raise AnchoringError(f"the honest receipt {index} does not hold: {done.steps}")

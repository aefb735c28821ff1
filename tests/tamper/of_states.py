"""Alterations of state proofs, and records of the state that are false though everybody signed them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from random import Random

from anchoring.auditing.audit import audit
from anchoring.state.proof import Entry, Node, StateProof
from anchoring.state.verify import verify_state
from anchoring.trust.policy import k_of
from anchoring.verify import Anchors, Outcome
from tests.support.states import leaf_hashes_of, segments_from
from tests.tamper.of_files import Held, OfFiles
from tests.tamper.of_receipts import READABLE
from tests.tamper.verdict import Tried, judged
from tests.tamper.world import COSIGNER_VKEYS, VKEY, World

STEPS = {"header": {1}, "map": {1, 7}, "from": {1, 8}, "entry": {1, 8}, "node": {1, 8}}
TELLINGS = ["entry gone", "entry twice", "entries swapped", "spans of one sum", "node gone", "nodes swapped", "widened"]


class OfStates:
    """Draws alterations of proofs from the map whose record is the world's last leaf."""

    def __init__(self, world: World, random: Random) -> None:
        self.world, self.random = world, random
        self.anchors = Anchors(world.sizes[-1], {one.size: one.root for one in world.anchors}.get)

    def run(self, count: int) -> Iterator[Tried]:
        kinds: list[Callable[[], Tried]] = [partial(self.line, name) for name in STEPS]
        kinds += [partial(self.telling, name) for name in TELLINGS]
        kinds += [self.another_record, self.false_record]
        for number in range(count):
            yield kinds[number % len(kinds)]()

    def judge(self, kind: str, what: str, data: bytes, steps: set[int]) -> Tried:
        done = verify_state(data, VKEY, k_of(COSIGNER_VKEYS), self.anchors)
        failed = {step.number for step in done.steps if step.outcome in (Outcome.REFUTED, Outcome.UNCHECKED)}
        return judged(f"state proof: {kind}", what, failed, steps)

    @cached_property
    def receipt(self) -> bytes:
        return self.world.receipt(self.world.sizes[-1] - 1)

    def draw(self) -> StateProof:
        """A proof of several entries, somewhere on the number line."""
        state = self.world.state
        start = self.random.randrange(state.record.entries - 4)
        end = start + self.random.randrange(2, 5)
        shown = tuple(state.entries(start, end, lambda index: self.world.leaves[index].tobytes()))
        of, nodes = state.record, tuple(state.nodes(start, end))
        return StateProof(of.entries, of.frontier_g, of.root, start, shown, nodes, self.receipt)

    def line(self, name: str) -> Tried:
        """One character of a line is replaced."""
        lines = self.draw().encode().decode().split("\n")
        starts = "gramledger" if name == "header" else name
        place = self.random.choice([at for at, line in enumerate(lines) if line.startswith(starts)])
        at = self.random.randrange(len(lines[place]))
        mark = self.random.choice(READABLE[:-1].replace(lines[place][at], ""))
        lines[place] = lines[place][:at] + mark + lines[place][at + 1 :]
        return self.judge(name, f"line {place}: {lines[place]!r}", "\n".join(lines).encode(), STEPS[name])

    def telling(self, name: str) -> Tried:
        """The same parts in another arrangement."""
        good = self.draw()
        shown, nodes = list(good.shown), list(good.nodes)
        at, other = self.random.randrange(len(shown) - 1), self.random.randrange(len(nodes) - 1)
        match name:
            case "entry gone":
                del shown[at]
            case "entry twice":
                shown.insert(at, shown[at])
            case "entries swapped":
                shown[at], shown[at + 1] = shown[at + 1], shown[at]
            case "spans of one sum":
                one, two = nodes[other], nodes[other + 1]
                nodes[other : other + 2] = [Node(one.span + 1, one.hash), Node(two.span - 1, two.hash)]
            case "node gone":
                del nodes[other]
            case "nodes swapped":
                nodes[other], nodes[other + 1] = nodes[other + 1], nodes[other]
            case _:
                behind = shown[-1].last
                shown.append(Entry(behind, behind + self.random.randrange(1, 50), None, None))
        data = replace(good, shown=tuple(shown), nodes=tuple(nodes)).encode()
        return self.judge(name, f"entries from {good.start}", data, {8})

    def another_record(self) -> Tried:
        index = self.random.randrange(self.world.sizes[-1] - 1)
        data = replace(self.draw(), receipt=self.world.receipt(index)).encode()
        return self.judge("another leaf's receipt", f"leaf {index}", data, {7})

    def false_record(self) -> Tried:
        """The log and its cosigners sign a record of a state that never was; only the leaves tell."""
        leaves = self.world.leaves.copy()
        place = len(leaves) - 1
        true = self.world.state.record
        lies = [
            replace(true, root=self.random.randbytes(32)),
            replace(true, entries=true.entries + self.random.randrange(1, 9)),
            replace(true, frontier_g=true.frontier_g - self.random.randrange(1, 9)),
            replace(true, size=self.random.randrange(place)),
        ]
        lie = self.random.choice(lies)
        leaves["evidence"][place] = list(lie.digest())
        served = OfFiles(self.world, self.random).signed(leaves)
        faults = audit(Held(served), VKEY).faults
        return judged(
            "state record false, signed", str(lie), {(one.leaf, one.code) for one in faults}, {(place, "STATE")}
        )


def open_state(world: World) -> None:
    """What is altered holds before, and is the state that the leaves make."""
    before = world.leaves[:-1]
    segments = segments_from(before)
    assert (len(segments), segments.frontier_g) == (world.state.record.entries, world.state.record.frontier_g)
    assert len(leaf_hashes_of(before)) == world.state.record.size
    states = OfStates(world, Random(0))
    done = verify_state(states.draw().encode(), VKEY, k_of(COSIGNER_VKEYS), states.anchors)
    assert done.outcome is Outcome.HOLDS, done.steps

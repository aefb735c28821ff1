"""The log's STATE records, held against the states that its leaves make."""

from collections.abc import Collection

from anchoring.checkpoint import Checkpoint
from anchoring.errors import Malformed, Refuted, Unreachable
from anchoring.note import MAX_NOTE
from anchoring.replaying.faults import Fault, Faults
from anchoring.replaying.reading import CHECKPOINT
from anchoring.state.check import RULE, SENTENCE, state_of
from anchoring.state.reading import read_leaves
from anchoring.tree.tiles import Source


def check_states(source: Source, checkpoint: Checkpoint, wanted: Collection[int], faults: Faults) -> tuple[int, ...]:
    """Check the STATE records at the indices `wanted` of a log whose leaves were read and judged; give those checked.

    The leaves are read again, and must make the checkpoint's root again: what a server shows once need not be what it
    shows twice. Raises Unreachable when the log is gone now.
    """
    if not wanted:
        return ()
    try:
        read = read_leaves(source, checkpoint.size, checkpoint.root)
    except Refuted as error:
        faults.add(Fault("changed", str(error)))
        return ()
    except (Malformed, Unreachable) as error:
        source.read(CHECKPOINT, MAX_NOTE)  # of a log that went away nothing is known
        faults.add(Fault("changed", f"The log's files were served once, and not a second time: {error}"))
        return ()
    for index, evidence in read.records:
        if index in wanted and state_of(read.columns.until(index), read.hashes[:index]).digest() != evidence:
            faults.add(Fault(RULE, SENTENCE, leaf=index))
    return tuple(wanted)

"""The log's STATE records, held against the states that its leaves make."""

from anchoring.auditing.faults import Fault, Faults
from anchoring.checkpoint import Checkpoint
from anchoring.errors import Refuted
from anchoring.log.tiles import Source
from anchoring.state.check import RULE, SENTENCE, state_of
from anchoring.state.reading import read_leaves


def check_states(source: Source, checkpoint: Checkpoint, faults: Faults, *, every: bool) -> tuple[int, ...]:
    """Check the last STATE record, or every one, of a log whose leaves were read and judged; give their indices.

    The leaves are read again, and must make the checkpoint's root again: what a server shows once need not be what it
    shows twice. Raises Unreachable or Malformed when they are gone now.
    """
    try:
        read = read_leaves(source, checkpoint.size, checkpoint.root)
    except Refuted as error:
        faults.add(Fault("changed", str(error)))
        return ()
    chosen = read.records if every else read.records[-1:]
    for index, evidence in chosen:
        if state_of(read.columns.until(index), read.hashes[:index]).digest() != evidence:
            faults.add(Fault(RULE, SENTENCE, leaf=index))
    return tuple(index for index, _ in chosen)

"""What processes cost, read from /proc: proportional memory and processor time of a whole tree."""

import os
import resource
from pathlib import Path

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def tree(roots: set[int]) -> set[int]:
    """Find the processes `roots` and everything they started."""
    parents = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and (fields := _stat(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def postmaster(folder: Path) -> set[int]:
    """Give the embedded PostgreSQL's process; it belongs to nobody's tree. Empty while none runs."""
    try:
        return {int((folder / "postmaster.pid").read_text().splitlines()[0])}
    except (OSError, IndexError, ValueError):
        return set()


def shared_out_bytes(pids: set[int]) -> int:
    """Add up proportional set sizes: what processes share is counted once, split among them."""
    return sum(_pss(pid) for pid in pids)


def _pss(pid: int) -> int:
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # it ended, or ends now
    return 0


def processor_s(pids: set[int]) -> float:
    """Add up the processor time that processes have used, in seconds."""
    return sum((int(fields[11]) + int(fields[12])) / _TICKS for pid in pids if (fields := _stat(pid)))


def _stat(pid: int) -> list[str]:
    """Read the fields after the name: state, parent, and so on."""
    try:
        return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []


def own_peak_bytes() -> int:
    """Give the largest resident size this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

"""The errors of log, chain and proofs. Each carries a stable code and one sentence for a person.

`Refuted` means: it was checked, and it is false (the command exits 1). Everything else means: it could not be
checked (exit 2).
"""

from typing import ClassVar


class AnchoringError(Exception):
    """Something about the log, the chain or a proof that a person must be told."""

    code: ClassVar[str] = "anchoring"


class Malformed(AnchoringError):
    """Bytes that are not in the format they claim: unreadable, truncated, oversized."""

    code = "malformed"


class Refuted(AnchoringError):
    """Checked, and false: a signature, a hash, a rule or an anchor does not hold."""

    code = "refuted"


class Behind(Refuted):
    """The database was set back: its log is known to have more leaves than it signed."""

    code = "log-behind"


class Unreachable(AnchoringError):
    """A log, a chain or a file that does not answer, or answers nonsense."""

    code = "unreachable"


class NotYet(AnchoringError):
    """A movement that is recorded but not in a published checkpoint yet; try again later."""

    code = "not-yet-logged"

"""The errors of log, chain and proofs. Each carries a stable code and one sentence for a person.

`Refuted` means: it was checked, and it is false (the command exits 1). Everything else means: it could not be
checked (exit 2).
"""

from collections.abc import Mapping
from typing import ClassVar

from registry.printable import printable


class AnchoringError(Exception):
    """Something about the log, the chain or a proof that a person must be told.

    Its sentence may hold words of a hostile log or node; as text it is always printable.
    """

    code: ClassVar[str]

    def __str__(self) -> str:
        """Give the sentence, on one line that no terminal takes for commands."""
        return printable(super().__str__())


class Malformed(AnchoringError):
    """Bytes that are not in the format they claim: unreadable, truncated, oversized."""

    code = "unreadable"


class Refuted(AnchoringError):
    """Checked, and false: a signature, a hash, a rule or an anchor does not hold."""

    code = "refuted"


class AnotherLog(Refuted):
    """A checkpoint of another log than the key's: nothing is known of it, but the log that was asked for it is not."""

    code = "another-log"


class Behind(Refuted):
    """The database was set back: its log is known to have more leaves than it signed."""

    code = "database-set-back"


class Altered(Refuted):
    """What the log goes on from is not as this program left it: somebody changed the database's rows or tables."""

    code = "log-altered"

    def __init__(self, what: str) -> None:
        """Say what is altered: a sentence without its end."""
        super().__init__(
            f"{what}. Somebody wrote past this program. Acts are recorded, nothing is signed, and the public log "
            "stands still until that is put right; docs/recovery.md says how."
        )


class Unreachable(AnchoringError):
    """A log, a chain or a file that does not answer, or answers nonsense."""

    code = "unreachable"


class Elsewhere(AnchoringError):
    """The log is anchored in another contract than the one that was named."""

    code = "another-contract"


class NotYet(AnchoringError):
    """What is not in a published checkpoint yet: a movement that is only recorded, or a state; try again later."""

    code = "not-yet-logged"


class Unwitnessed(AnchoringError):
    """Fewer witnesses than are needed gave their signature. Nothing is lost; it is tried again."""

    code = "unwitnessed"

    def __init__(self, what: str, needed: int, given: int, failed: Mapping[str, AnchoringError]) -> None:
        """Say that `what` has `given` of the `needed` signatures; `failed` are the others by name, and why."""
        reasons = "".join(f" {name}: {error}." for name, error in failed.items()).replace("..", ".")
        super().__init__(f"{what} needs {needed} witnesses and has {given}; it is tried again.{reasons}")
        self.failed = failed

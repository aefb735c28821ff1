"""The closed set of errors the programme raises. One handler renders them as RFC 9457 problem documents.

Each cause is a class with a stable `code` (the last part of the problem's type), an HTTP `status` and a short `title`;
the first sentence of its docstring is what the interface's description says of it, and the instance carries one
sentence that says what is wrong and what to do. `RegistryError` and `Conflict` have no code: nobody raises them.
"""

from typing import ClassVar


class RegistryError(Exception):
    """Something a caller did, or must wait for; never a defect of ours."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]


class NotFound(RegistryError):
    """What was named does not exist, or is not the caller's to see."""

    code, status, title = "not-found", 404, "Not found"


class Forbidden(RegistryError):
    """The caller's role or account does not allow this."""

    code, status, title = "forbidden", 403, "Not allowed"


class Unauthenticated(RegistryError):
    """No token, or one that does not verify."""

    code, status, title = "unauthenticated", 401, "Sign in first"


class Insufficient(RegistryError):
    """The account does not hold that many grams in the form asked for."""

    code, status, title = "insufficient", 409, "Not enough grams"


class RuleBroken(RegistryError):
    """A movement that the rules of the design's section 2 do not allow."""

    code, status, title = "rule-broken", 409, "The movement is not allowed"


class Conflict(RegistryError):
    """What was asked for is well formed and meets something that stands against it."""

    status = 409


class KeyReused(Conflict):
    """The Idempotency-Key was used for another request."""

    code, title = "idempotency-key-reused", "The Idempotency-Key was used for another request"


class KeyForgotten(Conflict):
    """The act of this Idempotency-Key was done; its answer went with an account that was erased."""

    code, title = "idempotency-key-forgotten", "The act was done, and its answer was erased"


class MovedOn(Conflict):
    """Another act took the grams in the meantime."""

    code, title = "grams-moved-on", "The grams have moved on"


class AlreadyIssued(Conflict):
    """An activity of the report was issued before."""

    code, title = "already-issued", "One physical act is issued once"


class Overlapping(Conflict):
    """An activity of the report overlaps another of the same account."""

    code, title = "activities-overlap", "One physical act is issued once"


class ActivitiesLost(Conflict):
    """The report is about a time of which a recovery lost the activities."""

    code, title = "activities-lost", "The activities of this time were lost"


class NotOpen(Conflict):
    """The report has activities of accounts that are not open, or whose consent no longer stands."""

    code, title = "accounts-not-open", "Not every account of the report may receive"


class OtherMethodology(Conflict):
    """The methodology is not the published record that the source was approved under."""

    code, title = "methodology-not-approved", "The source was approved under another methodology"


class Unclassified(Conflict):
    """A methodology without a class, under which nothing may be issued."""

    code, title = "methodology-unclassified", "The methodology has no class yet"


class OtherHistory(Conflict):
    """The database has another history than the public log that is replayed into it."""

    code, title = "other-history", "The database has another history than the log"


class HolderKnown(Conflict):
    """The account that is claimed does not stand for an unknown holder."""

    code, title = "holder-known", "The account stands for nobody unknown"


class HolderUnknown(Conflict):
    """The holder of the account is unknown since a recovery; nothing moves until a claim is proven."""

    code, title = "holder-unknown", "The holder is unknown"


class AccountErased(Conflict):
    """The account was erased; nothing can be moved to it or from it."""

    code, title = "account-erased", "The account was erased"


class NothingToRecord(Conflict):
    """The state of all grams was asked for before the first leaf is in the log."""

    code, title = "nothing-to-record", "The log is empty"


class HoldingsChanged(Conflict):
    """The account holds something else than what was shown before its erasure was confirmed."""

    code, title = "holdings-changed", "The account holds something else by now"


class Unsettled(Conflict):
    """The account holds what its erasure cannot settle in the way that was chosen."""

    code, title = "not-settled", "Not everything can be settled so"


class SetAside(Conflict):
    """The grams came by a movement that was set aside: this program did not write it so, and the log has it not."""

    code, title = "set-aside", "These grams are set aside"


class Invalid(RegistryError):
    """A value that is well formed and wrong."""

    code, status, title = "invalid", 400, "Invalid value"


class Unavailable(RegistryError):
    """The database or the chain does not answer now."""

    code, status, title = "unavailable", 503, "Temporarily unavailable"


class Behind(Unavailable):
    """The database was set back, and the public log was not replayed into it yet."""

    code, title = "log-behind", "Being recovered; reading works, writing does not"

"""The closed set of errors the programme raises. One handler renders them as RFC 9457 problem documents.

Each class has a stable `code` (the last part of the problem's type), an HTTP `status` and a short `title`; the
instance carries one sentence that says what is wrong and what to do.
"""

from typing import ClassVar


class RegistryError(Exception):
    """Something a caller did, or must wait for; never a defect of ours."""

    code: ClassVar[str] = "registry"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request cannot be carried out"


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
    """The same idempotency key with another body, or a state that has moved on."""

    code, status, title = "conflict", 409, "In conflict with an earlier act"


class Invalid(RegistryError):
    """A value that is well formed and wrong."""

    code, status, title = "invalid", 400, "Invalid value"


class Unavailable(RegistryError):
    """The database or the chain does not answer now."""

    code, status, title = "unavailable", 503, "Temporarily unavailable"


class Behind(Unavailable):
    """The database was set back, and the public log was not replayed into it yet."""

    code, title = "log-behind", "Being recovered; reading works, writing does not"

"""The closed set of errors the programme raises. One handler renders them as RFC 9457 problem documents.

Each cause is a class with a stable `code` (the last part of the problem's type), an HTTP `status` and a short `title`;
the first sentence of its docstring is what the interface's description says of it, and the instance carries one
sentence that says what is wrong and what to do. `RegistryError` has no code: nobody raises it.
"""

from collections.abc import Sequence
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


class TokenMalformed(Unauthenticated):
    """The bearer token is no JSON Web Token that this registry reads, or lacks a claim that it needs."""

    code, title = "token-malformed", "The token cannot be read"


class TokenTooLarge(Unauthenticated):
    """The bearer token is longer than any that is read."""

    code, title = "token-too-large", "The token is too large"


class TokenAlgorithm(Unauthenticated):
    """The bearer token is signed by an algorithm that is not taken; `none` never is."""

    code, title = "token-algorithm", "The token's algorithm is not taken"


class TokenKeyUnknown(Unauthenticated):
    """The issuer publishes no key, or two, by the name that the bearer token gives."""

    code, title = "token-key-unknown", "The token's key is not one of the issuer's"


class TokenUnverified(Unauthenticated):
    """The signature of the bearer token does not hold under the issuer's key."""

    code, title = "token-signature", "The token's signature does not hold"


class TokenExpired(Unauthenticated):
    """The bearer token is past its time, or older than an hour."""

    code, title = "token-expired", "The token has expired"


class TokenNotYet(Unauthenticated):
    """The bearer token is of a time to come: a clock is off."""

    code, title = "token-not-yet", "The token is not good yet"


class TokenOfOthers(Unauthenticated):
    """The bearer token is for another audience, or by another issuer."""

    code, title = "token-not-for-us", "The token is not for this registry"


class NoRole(RegistryError):
    """Who signed in is known to the issuer, and has no role here."""

    code, status, title = "no-role", 403, "You have no role here"


class SignInRefused(RegistryError):
    """A sign-in that was not begun in this browser, took too long, or that the issuer refused."""

    code, status, title = "sign-in-refused", 400, "The sign-in did not succeed"


class OtherSite(RegistryError):
    """A form or a script of another site asked for this in the visitor's name."""

    code, status, title = "other-site", 403, "Asked for by another site"


class Conflict(RegistryError):
    """What was asked for contradicts what is there."""

    code, status, title = "conflict", 409, "It contradicts what is there"


class Barred(RegistryError):
    """A finding of the integrity record bars who this is about, until its term ends."""

    code, status, title = "barred", 409, "Barred by the integrity record"


class OfferClosed(RegistryError):
    """An offer of the mall that is over, not listed, or whose provider takes no orders now."""

    code, status, title = "offer-closed", 409, "The offer is not open"


class SoldOut(RegistryError):
    """Of an offer too few pieces are left, or its budget is used up."""

    code, status, title = "sold-out", 409, "Sold out"


class PurposeMissing(RegistryError):
    """Somebody else's data is read for a purpose, and the request names none."""

    code, status, title = "purpose-missing", 400, "Say what it is read for"


class TooMany(RegistryError):
    """So many came already from this address, or wait about this; come back later."""

    code, status, title = "too-many", 429, "Too many"


class RegisteredElsewhere(RegistryError):
    """What is applied for is registered under another mechanism, or with another source here (第二十三条)."""

    code, status, title = "registered-elsewhere", 409, "It is registered elsewhere"


class WithinQuota(RegistryError):
    """Who applies, or an asset, lies within the quota boundary of the emissions trading system (第十七条)."""

    code, status, title = "within-quota-boundary", 409, "It lies within the quota boundary"


class RuleBroken(RegistryError):
    """A movement that the rules of the design's section 2 do not allow."""

    code, status, title = "rule-broken", 409, "The movement is not allowed"


class ChannelClosed(RegistryError):
    """A use that the policy of channels does not open to such grams."""

    code, status, title = "channel-closed", 409, "This use is not open"


class DecisionRefused(RegistryError):
    """A decision that the rules of the design's section 11 do not allow; audit and witnesses would refuse it too."""

    code, status, title = "decision-refused", 409, "The decision is not allowed"


class BatchReported(RegistryError):
    """A file that was reported before, and was issued or is on its way."""

    code, status, title = "batch-reported", 409, "This file was reported before"


class BatchQuota(RegistryError):
    """A platform has as many batches under way, or as many bytes of them, as one may have."""

    code, status, title = "batch-quota", 409, "Too much is under way"


class BatchClosed(RegistryError):
    """A batch is not in the state in which this can be done with it."""

    code, status, title = "batch-state", 409, "The batch does not stand so"


class Outdated(RegistryError):
    """What was proposed rests on what has changed since."""

    code, status, title = "outdated", 409, "It rests on what has changed"


class VersionStale(RegistryError):
    """What was seen has changed since; look again, and ask for it as it is now."""

    code, status, title = "version-stale", 409, "It has changed"


class PartDiffers(RegistryError):
    """A part of an upload that meets another one that is there, with other bytes or other bounds."""

    code, status, title = "part-differs", 409, "Another part is there"


class DigestMissing(RegistryError):
    """Content came without the SHA-256 that it is held against, or with one that cannot be read."""

    code, status, title = "digest-missing", 400, "The content's digest is missing"


class DigestDiffers(RegistryError):
    """The content does not have the digest that came with it."""

    code, status, title = "digest-differs", 400, "The content was changed on its way"


class KeyReused(RegistryError):
    """The Idempotency-Key was used for another request."""

    code, status, title = "idempotency-key-reused", 409, "The Idempotency-Key was used for another request"


class KeyForgotten(RegistryError):
    """The act of this Idempotency-Key was done; its answer went with an account that was erased."""

    code, status, title = "idempotency-key-forgotten", 409, "The act was done, and its answer was erased"


class MovedOn(RegistryError):
    """Another act took the grams in the meantime."""

    code, status, title = "grams-moved-on", 409, "The grams have moved on"


class JobUnderWay(RegistryError):
    """A job of the account is under way; until it has ended, no other act takes the account's grams."""

    code, status, title = "job-under-way", 409, "A job of this account is under way"


class JobBroken(RegistryError):
    """The job ended without an answer of its own, and what it was to do was not done."""

    code, status, title = "job-broken", 409, "The job was not done"


class AlreadyIssued(RegistryError):
    """An activity of the report was issued before."""

    code, status, title = "already-issued", 409, "One physical act is issued once"


class Overlapping(RegistryError):
    """An activity of the report overlaps another of the same account."""

    code, status, title = "activities-overlap", 409, "One physical act is issued once"


class ActivitiesLost(RegistryError):
    """The report is about a time of which a recovery lost the activities."""

    code, status, title = "activities-lost", 409, "The activities of this time were lost"


class NotOpen(RegistryError):
    """The report has activities of accounts that are not open, or whose consent no longer stands."""

    code, status, title = "accounts-not-open", 409, "Not every account of the report may receive"


class OtherMethodology(RegistryError):
    """The methodology is not the published record that the source was approved under."""

    code, status, title = "methodology-not-approved", 409, "The source was approved under another methodology"


class MethodologyUnsound(RegistryError):
    """The text of a methodology has faults; each is told with its line, a code of its own and what to do."""

    code, status, title = "methodology-unsound", 422, "The methodology has faults"

    def __init__(self, findings: Sequence[object]) -> None:
        """Keep the findings; the sentence is the first one's, and how many more there are."""
        self.findings = tuple(findings)
        more = f" ({len(findings) - 1} more.)" if len(findings) > 1 else ""
        super().__init__(f"{findings[0]}{more}")


class ActUnsound(RegistryError):
    """An act that is to be computed is not what its methodology asks for; the sentence names act and input."""

    code, status, title = "act-unsound", 422, "The act is not what the methodology asks for"


class Unclassified(RegistryError):
    """A methodology without a class, under which nothing may be issued."""

    code, status, title = "methodology-unclassified", 409, "The methodology has no class yet"


class OtherHistory(RegistryError):
    """The database has another history than the public log that is replayed into it."""

    code, status, title = "other-history", 409, "The database has another history than the log"


class HolderKnown(RegistryError):
    """The account that is claimed does not stand for an unknown holder."""

    code, status, title = "holder-known", 409, "The account stands for nobody unknown"


class HolderUnknown(RegistryError):
    """The holder of the account is unknown since a recovery; nothing moves until a claim is proven."""

    code, status, title = "holder-unknown", 409, "The holder is unknown"


class AccountErased(RegistryError):
    """The account was erased: nothing is shown of it, and nothing moves to it or from it."""

    code, status, title = "account-erased", 403, "The account was erased"


class NothingToRecord(RegistryError):
    """The state of all grams was asked for before the first leaf is in the log."""

    code, status, title = "nothing-to-record", 409, "The log is empty"


class HoldingsChanged(RegistryError):
    """The account holds something else than what was shown before its erasure was confirmed."""

    code, status, title = "holdings-changed", 409, "The account holds something else by now"


class Unconfirmed(RegistryError):
    """An erasure without `confirm`, which shows that its holder saw what the account holds."""

    code, status, title = "confirm-missing", 400, "See first what the account holds"


class Unsettled(RegistryError):
    """The account holds, or owes, what cannot be settled in the way that was chosen."""

    code, status, title = "not-settled", 409, "Not everything can be settled so"


class SetAside(RegistryError):
    """The grams came by a movement that was set aside: this program did not write it so, and the log has it not."""

    code, status, title = "set-aside", 409, "These grams are set aside"


class Invalid(RegistryError):
    """A value that is well formed and wrong."""

    code, status, title = "invalid", 400, "Invalid value"


class TooManyBlocks(Invalid):
    """The grams lie in more blocks than an act takes at once."""

    def __init__(self, sentence: str, quantity_g: int) -> None:
        """Say how many grams were to be taken; they are there."""
        super().__init__(sentence)
        self.quantity_g = quantity_g


class DocumentTooLarge(RegistryError):
    """What the log would publish of a record is longer than a document of its kind may be."""

    code, status, title = "document-too-large", 400, "The record is too long"


class EventsGone(RegistryError):
    """Events behind the number that was given were deleted for their age."""

    code, status, title = "events-gone", 410, "These events are not kept any more"


class Unavailable(RegistryError):
    """The database or the chain does not answer now."""

    code, status, title = "unavailable", 503, "Temporarily unavailable"


class IssuerUnreachable(Unavailable):
    """The identity service (OpenID Connect) does not answer, or not as one, so nobody new can be told who he is."""

    code, title = "issuer-unreachable", "The identity service does not answer"


class Behind(Unavailable):
    """The database was set back, and the public log was not replayed into it yet."""

    code, status, title = "log-behind", 503, "Being recovered; reading works, writing does not"

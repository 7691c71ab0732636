"""What a store's refusal, or its silence, means to the owner of a backup."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

from wrikebackup_core import AlreadyExists, KeyLocked, SinkError, SinkFull, masked, without_passwords
from wrikebackup_fsspec.objects.words import lowered

__all__ = ["Errors", "Lost", "Refused", "failed", "is_passing", "not_deleted"]


class Lost(Exception):
    """No answer, or not a whole one: nobody knows whether the store did what it was asked to. `silent`: it let us wait in vain."""

    def __init__(self, reason: str, *, hint: str | None = None, silent: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.hint, self.silent = reason, hint, silent


@dataclass(eq=False)
class Refused(Exception):
    """An answer other than the one that was asked for. `reason` is the store's own word for it, such as `notFound`."""

    status: int
    reason: str
    message: str
    retry_after: float | None = None

    @classmethod
    def of(cls, status: int, body: bytes, retry_after: str | None = None) -> Refused:
        """From an error of the JSON API, or from whatever a proxy on the way may send."""
        reason, message = _parsed(body)
        seconds = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
        return cls(status, reason, message, seconds)

    @property
    def locked(self) -> bool:
        """Whether a retention or a hold is what stands in the way."""
        return self.reason in _LOCKED or (self.status in (400, 403) and _LOCK.search(self.message) is not None)


Errors = (Lost, Refused, GoogleAuthError)
"""What a request may raise before it is put into words."""

_PASSING = {408, 429, 500, 502, 503, 504}
_LIMITS = {"rateLimitExceeded", "userRateLimitExceeded"}
_FULL = {"quotaExceeded", "storageQuotaExceeded"}
_LOCKED = {"retentionPolicyNotMet", "objectUnderActiveHold"}
_LOCK = re.compile(r"\bretention\b|\b(?:temporary|event-based|active) hold\b", re.IGNORECASE)

_BILLING = "see the project's billing account in the Google Cloud console"
_ROLE = (
    "give the account the role Storage Object Admin (roles/storage.objectAdmin) on the bucket, or Storage Object User "
    "where nothing is ever to be locked"
)
_CLOCK = "set this machine's clock right: Google takes no token that is more than some minutes off"
_ACCOUNT = "see that the service account and its key still exist, and that the key is the newest one"
# What the store says, in the order in which it is asked: a reason or words of its message.
_HINTS = (
    (r"billing|accountDisabled|UserProjectAccountProblem", _BILLING),
    (r"requester pays|userProjectMissing", "use a bucket whose owner pays for the requests"),
    (r"kms|cloudkms|encryption key", "see that the key exists where the bucket is, and that the store's service agent may use it"),
    (r"storage class", "see which storage classes the store has, such as STANDARD, NEARLINE, COLDLINE and ARCHIVE"),
    (r"retention", "lock_days needs a bucket with object retention and the right storage.objects.setRetention"),
    (r"quota|dailyLimit", "see the project's quotas in the Google Cloud console"),
    (r"rateLimit|too many", "the store is overloaded: lower `transfers` in the profile, or try later"),
)  # fmt: skip
_BY_STATUS = {
    401: "the store does not accept the credentials; " + _ACCOUNT,
    403: _ROLE,
    404: "create the bucket first, or see whether its name is right",
    429: "the store is overloaded: lower `transfers` in the profile, or try later",
    500: "the store is in trouble: try later",
    502: "the store is in trouble: try later",
    503: "the store is in trouble: try later",
    504: "the store is in trouble: try later",
}


def is_passing(error: BaseException) -> bool:
    """Whether the same request may be answered otherwise in a while."""
    if isinstance(error, Refused):
        return error.status in _PASSING or (error.status == 403 and error.reason in _LIMITS)
    return isinstance(error, Lost)


def failed(what: str, error: Exception) -> SinkError:
    """The error to raise in place of `error`; `what` was tried, such as `write gcs:bucket/key`."""
    if isinstance(error, SinkError):
        return error
    if isinstance(error, Lost):
        return SinkError(f"cannot {what}: {error.reason}", hint=error.hint)
    if isinstance(error, Refused):
        return _refused(what, error)
    return _unsigned(what, error)


def not_deleted(what: str, error: Exception) -> SinkError:
    """The same for what was to be deleted, which a lock may have prevented: KeyLocked."""
    if isinstance(error, Refused) and error.locked:
        return KeyLocked(f"cannot delete {what}: {_said(error)}", hint="a lock or a hold protects it until it ends")
    return failed(f"delete {what}", error)


def _refused(what: str, error: Refused) -> SinkError:
    if error.status == 412 and not error.locked:
        return AlreadyExists(f"cannot {what}: it exists already")
    message = f"cannot {what}: {_said(error)}"
    if error.status == 507 or error.reason in _FULL:
        return SinkFull(message, hint="make room, or raise the project's quota in the Google Cloud console")
    words = f"{error.reason} {error.message}"
    hint = next((hint for words_of, hint in _HINTS if re.search(words_of, words, re.IGNORECASE)), None)
    return SinkError(message, hint=hint or _BY_STATUS.get(error.status))


def _said(error: Refused) -> str:
    if error.status == 404 and error.message.lower() in ("", "not found"):
        return "there is no such bucket"
    return f"{lowered(error.message)} ({error.status})" if error.message else f"the store says {error.status}"


def _unsigned(what: str, error: Exception) -> SinkError:
    """google-auth's words may hold what a token server sent, but never a key."""
    words = str(error)
    if isinstance(error, DefaultCredentialsError):
        found = "" if "default credentials were not found" in words else f": {lowered(_first_line(words))}"
        return SinkError(
            f"cannot {what}: no credentials were found{found}",
            hint="give `credentials` in the profile, set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`",
        )
    if re.search(r"\biat\b|\bexp\b|timeframe|clock", words):
        return SinkError(f"cannot {what}: no token was given for the time that this machine's clock shows", hint=_CLOCK)
    return SinkError(f"cannot {what}: the credentials were not accepted: {lowered(_first_line(words))}", hint=_ACCOUNT)


def _parsed(body: bytes) -> tuple[str, str]:
    """The reason and the message of an error's body."""
    try:
        error = json.loads(body)["error"]
        reasons = error.get("errors") or [{}]
        return str(reasons[0].get("reason", "")), _first_line(str(error.get("message", "")))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        text = body[:2000].decode(errors="replace").strip()
        return "", "" if text.startswith(("<", "{")) else _first_line(text)


def _first_line(text: str) -> str:
    line = masked(without_passwords(next(iter(text.strip().splitlines()), "").strip().rstrip(".")))
    line = "".join(character if character.isprintable() else " " for character in line)
    return line if len(line) <= 300 else f"{line[:299]}…"

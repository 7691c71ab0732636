"""What a store's refusal means to the owner of a backup."""

from __future__ import annotations

import http
import re
from collections.abc import Mapping
from typing import Any

import botocore.exceptions
import botocore.parsers
import obstore.exceptions

from wrikebackup_core import (
    AlreadyExists,
    KeyLocked,
    KeyNotFound,
    KeyUnfit,
    SinkError,
    SinkFull,
    masked,
    without_passwords,
)
from wrikebackup_fsspec.objects.words import lowered

__all__ = ["Errors", "ForeignAnswer", "code_of", "failed", "said", "status_of", "unsettled"]


class ForeignAnswer(botocore.exceptions.BotoCoreError):  # type: ignore[misc]  # botocore has no types
    """What answers is no S3 store: a login page, a proxy, another server."""

    fmt = "what answers at {address} is no S3 store"


class _Incomplete(botocore.exceptions.BotoCoreError):  # type: ignore[misc]  # botocore has no types
    fmt = "its answer lacks {what}"


Errors = (
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
    botocore.parsers.ResponseParserError,
    obstore.exceptions.BaseError,
    FileNotFoundError,  # obstore's answer to what is not there
    ValueError,  # of both, for what cannot be sent: obstore takes no control characters in names
)
"""What the two libraries raise."""

_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,80})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_REDIRECT = "Received redirect without LOCATION"  # obstore's words for 301
_UNANSWERED = re.compile(r"HttpError \{\s*kind: (?:Timeout|Interrupted),")
_LOCK = re.compile(r"\block(?:ed|s)?\b|\bWORM\b", re.IGNORECASE)
_STATUS = re.compile(r"non-2xx status code: (\d{3})|status: (\d{3})|HTTP status (?:client|server) error \((\d{3})")

_ELSEWHERE = (
    "see whether the address is right, and whether a login page or a proxy of the network answers in the store's place"
)
_MOVED = f"set `region:` to the bucket's own, or {_ELSEWHERE}"
_OVERLOADED = "the store is overloaded: lower `transfers` in the profile, or try later"
_HINTS = {
    "NoSuchBucket": "create the bucket first, or see whether its name and region are right",
    "AccessDenied": "the key needs s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload here",
    "InvalidAccessKeyId": "see that access_key is the one of this store",
    "SignatureDoesNotMatch": "see that secret_key is the one that belongs to access_key",
    "ExpiredToken": "temporary credentials have run out: fetch new ones",
    "InvalidToken": "session_token does not belong to access_key",
    "RequestTimeTooSkewed": "set this machine's clock right: the store accepts a quarter of an hour",
    "AuthorizationHeaderMalformed": "set `region:` to the bucket's own",
    "PermanentRedirect": _MOVED,
    "301": _MOVED,
    "308": _MOVED,
    "302": _MOVED,
    "303": _MOVED,
    "307": _MOVED,
    "IllegalLocationConstraintException": "set `region:` to the bucket's own",
    "InvalidStorageClass": "see which storage classes the store has",
    "InvalidRequest": "the store does not know what it was asked for; with lock_days the bucket needs Object Lock",
    "ObjectLockConfigurationNotFoundError": "lock_days needs a bucket that was created with Object Lock",
    "SlowDown": _OVERLOADED,
    "ServiceUnavailable": _OVERLOADED,
    "429": _OVERLOADED,
    "503": _OVERLOADED,
    "KMS.DisabledException": "the KMS key is disabled",
}
# What stores say at length, each in other words.
_OURS = {
    "NoSuchBucket": "there is no such bucket",
    "AccessDenied": "access denied",
    "InvalidAccessKeyId": "it does not know the access key",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "ExpiredToken": "the credentials have run out",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "PermanentRedirect": "the bucket is in another region",
    "301": "the bucket is in another region",
    "AuthorizationHeaderMalformed": "the bucket is in another region",
}
_STATUSES = {str(status.value) for status in http.HTTPStatus}
_FULL = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "StorageFull", "ServiceQuotaExceededException"}
_UNFIT = {"KeyTooLongError", "XMinioInvalidObjectName"}
_CONTROL = "illegal character sequence"  # obstore's words for a name that it cannot send
_EXISTS = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_ABSENT = {"NoSuchKey", "404", "NotFound"}
_AWAY = ("it cannot be reached", "see whether the address is right and the network is up")
_LATE = ("no answer in time", "try later, or raise `timeout:`")
_CERTIFICATE = ("its certificate is not accepted", "AWS_CA_BUNDLE names a file with further certificates")
_KINDS: dict[type[Exception], tuple[str, str]] = {
    botocore.exceptions.EndpointConnectionError: _AWAY,
    botocore.exceptions.ConnectTimeoutError: _AWAY,
    botocore.exceptions.ReadTimeoutError: _LATE,
    botocore.exceptions.ConnectionClosedError: ("the connection broke", "try again"),
    botocore.exceptions.SSLError: _CERTIFICATE,
    ForeignAnswer: ("", _ELSEWHERE),
    _Incomplete: ("", _ELSEWHERE),
    botocore.parsers.ResponseParserError: ("what answers is no S3 store", _ELSEWHERE),
    botocore.exceptions.ProfileNotFound: ("there is no such aws_profile", "`aws configure list-profiles` lists them"),
}
_CODES: dict[type[Exception], str] = {
    FileNotFoundError: "404",
    obstore.exceptions.NotFoundError: "404",
    obstore.exceptions.AlreadyExistsError: "PreconditionFailed",
    obstore.exceptions.PreconditionError: "PreconditionFailed",
    obstore.exceptions.PermissionDeniedError: "AccessDenied",
    obstore.exceptions.UnauthenticatedError: "AccessDenied",
}
# obstore says it in words only.
_PHRASES = {
    "nvalid header value": (
        "a control character, such as a line break, is in what is sent",
        "look at its keys, storage_class and the like",
    ),
    _CONTROL: ("the name holds a control character", None),
    "ETag Header missing": ("its answer lacks ETag", _ELSEWHERE),
    "error following redirect": ("what answers sends elsewhere", _MOVED),
    "InvalidCertificate(": _CERTIFICATE,
    "kind: Timeout": _LATE,
    "error sending request": _AWAY,
}


def code_of(error: Exception) -> str:
    """The store's own word for what is wrong, such as `NoSuchBucket`; empty where it gave none."""
    if isinstance(error, botocore.exceptions.ClientError):
        return str(error.response.get("Error", {}).get("Code", "")) or str(status_of(error) or "")
    found = _CODE.search(str(error))
    if found:
        return found[1]
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    if _REDIRECT in str(error):
        return "PermanentRedirect"
    return str(status_of(error) or "")


def status_of(error: Exception) -> int:
    """The HTTP status; 0 where there was no answer."""
    if isinstance(error, botocore.exceptions.ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    found = _STATUS.search(str(error))
    return int(next(filter(None, found.groups()), 0)) if found else 0


def unsettled(error: Exception) -> bool:
    """Whether a request under a condition may be sent again: no answer came, or another one for the same object was on its way. obstore
    repeats only those that have no condition.
    """
    if isinstance(error, obstore.exceptions.BaseError) and _UNANSWERED.search(str(error)):
        return True
    return code_of(error) == "ConditionalRequestConflict"


def said(answer: Mapping[str, Any], what: str) -> Any:
    """What an answer must say. Raises one of `Errors` where it does not."""
    try:
        return answer[what]
    except KeyError:
        raise _Incomplete(what=what) from None


def failed(what: str, error: Exception, key: str | None = None) -> SinkError:
    """The error to raise in place of `error`; `what` was tried, such as `write s3:bucket/key`."""
    code, status, what = code_of(error), status_of(error), _in_a_line(what)
    if key is not None and code in _ABSENT:
        return KeyNotFound(f"{_in_a_line(key)} does not exist")
    if code in _EXISTS or status == 412:
        return AlreadyExists(f"cannot {what}: it exists already")
    reason, hint = _reason(error, code)
    if code in _FULL or status == 507:
        return SinkFull(f"cannot {what}: {reason}", hint="make room, or raise the quota")
    if code == "AccessDenied" and _LOCK.search(reason):
        return KeyLocked(f"cannot {what}: {reason}", hint="a lock protects it until it ends")
    kind = KeyUnfit if code in _UNFIT or _CONTROL in str(error) else SinkError
    return kind(f"cannot {what}: {reason}", hint=hint)


def _reason(error: Exception, code: str) -> tuple[str, str | None]:
    """What the store or the network said, and a hint."""
    if isinstance(error, botocore.exceptions.ClientError):
        return _sentence(code, str(error.response.get("Error", {}).get("Message", "")) or _phrase(code)), _HINTS.get(
            code
        )
    text = str(error).removeprefix("Parameter validation failed:\n")
    for kind, (words, hint) in _KINDS.items():
        if isinstance(error, kind):
            return words or _first_line(text), hint
    if code:
        found = _MESSAGE.search(text)
        return _sentence(code, found[1] if found else _phrase(code)), _HINTS.get(code)
    return next((words for phrase, words in _PHRASES.items() if phrase in text), (_first_line(text), None))


def _phrase(code: str) -> str:
    """What HTTP says of a status, where nothing else was said."""
    return http.HTTPStatus(int(code)).phrase if code in _STATUSES else ""


def _sentence(code: str, given: str) -> str:
    message = _OURS.get(code, "") if "lock" not in given.lower() else ""
    message = message or _first_line(given)
    if not message or message.lower() == code.lower():
        return f"the store says {code or 'no'}"
    return f"{message} ({code})"


def _in_a_line(what: str) -> str:
    """Names may hold anything."""
    return what if what.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in what)


def _first_line(text: str) -> str:
    line = lowered(masked(without_passwords(next(iter(text.strip().splitlines()), "").strip().rstrip("."))))
    return line if len(line) <= 200 else f"{line[:199]}…"

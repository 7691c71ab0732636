"""What a store's refusal means to the owner of a backup."""

from __future__ import annotations

import re

import botocore.exceptions
import obstore.exceptions

from wrikebackup_core import AlreadyExists, KeyLocked, KeyNotFound, SinkError, SinkFull
from wrikebackup_fsspec.objects.words import lowered

__all__ = ["Errors", "code_of", "failed", "status_of"]

Errors = (
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
    obstore.exceptions.BaseError,
    FileNotFoundError,  # obstore's answer to what is not there
)
"""What the two libraries raise."""

_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,80})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_STATUS = re.compile(r"non-2xx status code: (\d{3})|status: (\d{3})|HTTP status (?:client|server) error \((\d{3})")

_HINTS = {
    "NoSuchBucket": "create the bucket first, or see whether its name and region are right",
    "AccessDenied": "the key needs s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload here",
    "InvalidAccessKeyId": "see that access_key is the one of this store",
    "SignatureDoesNotMatch": "see that secret_key is the one that belongs to access_key",
    "ExpiredToken": "temporary credentials have run out: fetch new ones",
    "InvalidToken": "session_token does not belong to access_key",
    "RequestTimeTooSkewed": "set this machine's clock right: the store accepts a quarter of an hour",
    "AuthorizationHeaderMalformed": "set `region:` to the bucket's own",
    "PermanentRedirect": "set `region:` to the bucket's own",
    "IllegalLocationConstraintException": "set `region:` to the bucket's own",
    "InvalidStorageClass": "see which storage classes the store has",
    "InvalidRequest": "the store does not know what it was asked for; with lock_days the bucket needs Object Lock",
    "ObjectLockConfigurationNotFoundError": "lock_days needs a bucket that was created with Object Lock",
    "SlowDown": "the store is overloaded: lower `transfers` in the profile, or try later",
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
    "AuthorizationHeaderMalformed": "the bucket is in another region",
}
_FULL = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "StorageFull", "ServiceQuotaExceededException"}
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
    botocore.exceptions.ProfileNotFound: ("there is no such aws_profile", "`aws configure list-profiles` lists them"),
}
# obstore says it in words only.
_PHRASES = {
    "operation timed out": _LATE,
    "error sending request": _AWAY,
    "certificate": _CERTIFICATE,
}


def code_of(error: Exception) -> str:
    """The store's own word for what is wrong, such as `NoSuchBucket`; empty where it gave none."""
    if isinstance(error, botocore.exceptions.ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    found = _CODE.search(str(error))
    if found:
        return found[1]
    if isinstance(error, FileNotFoundError | obstore.exceptions.NotFoundError):
        return "404"
    if isinstance(error, obstore.exceptions.AlreadyExistsError | obstore.exceptions.PreconditionError):
        return "PreconditionFailed"
    if isinstance(error, obstore.exceptions.PermissionDeniedError | obstore.exceptions.UnauthenticatedError):
        return "AccessDenied"
    return ""


def status_of(error: Exception) -> int:
    """The HTTP status; 0 where there was no answer."""
    if isinstance(error, botocore.exceptions.ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    found = _STATUS.search(str(error))
    return int(next(filter(None, found.groups()), 0)) if found else 0


def failed(what: str, error: Exception, key: str | None = None) -> SinkError:
    """The error to raise in place of `error`; `what` was tried, such as `write s3:bucket/key`."""
    code, status = code_of(error), status_of(error)
    if key is not None and code in _ABSENT:
        return KeyNotFound(f"{key} does not exist")
    if code in _EXISTS or status == 412:
        return AlreadyExists(f"cannot {what}: it exists already")
    reason, hint = _reason(error, code)
    if code in _FULL or status == 507:
        return SinkFull(f"cannot {what}: {reason}", hint="make room, or raise the quota")
    if code == "AccessDenied" and "lock" in reason:
        return KeyLocked(f"cannot {what}: {reason}", hint="a lock protects it until it ends")
    return SinkError(f"cannot {what}: {reason}", hint=hint)


def _reason(error: Exception, code: str) -> tuple[str, str | None]:
    """What the store or the network said, and a hint."""
    if isinstance(error, botocore.exceptions.ClientError):
        return _sentence(code, str(error.response.get("Error", {}).get("Message", ""))), _HINTS.get(code)
    text = str(error)
    for kind, words in _KINDS.items():
        if isinstance(error, kind):
            return words
    if code:
        found = _MESSAGE.search(text)
        return _sentence(code, found[1] if found else ""), _HINTS.get(code)
    return next((words for phrase, words in _PHRASES.items() if phrase in text), (_first_line(text), None))


def _sentence(code: str, given: str) -> str:
    message = _OURS.get(code, "") if "lock" not in given.lower() else ""
    message = message or _first_line(given)
    if not message or message.lower() == code.lower():
        return f"the store says {code or 'no'}"
    return f"{message} ({code})"


def _first_line(text: str) -> str:
    line = lowered(next(iter(text.strip().splitlines()), "").strip().rstrip("."))
    return line if len(line) <= 200 else f"{line[:199]}…"

"""What `wrikebackup doctor` asks of S3 alone."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from wrikebackup_core import Check
from wrikebackup_fsspec.objects.checks import probe_name
from wrikebackup_fsspec.options import S3Options
from wrikebackup_fsspec.s3.digests import content_md5, digest
from wrikebackup_fsspec.s3.faults import Errors, code_of, failed

__all__ = ["checks"]

_SKEW_SECONDS = 300  # Amazon refuses requests at 900
_LOCK_SECONDS = 5
_FORGOTTEN = {"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "InvalidRequest"}


def checks(client: Any, bucket: str, prefix: str, options: S3Options) -> Iterator[Check]:
    yield _clock(client, bucket)
    yield _unfinished(client, bucket, prefix)
    if options.lock_days is not None:
        yield _lock(client, bucket, probe_name(prefix), options)


def _clock(client: Any, bucket: str) -> Check:
    try:
        answer = client.list_objects_v2(Bucket=bucket, MaxKeys=1)
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
        skew = (datetime.now(UTC) - email.utils.parsedate_to_datetime(date)).total_seconds()
    except (*Errors, ValueError, TypeError):
        return Check("clock", None, "the store does not tell its time")
    if abs(skew) > _SKEW_SECONDS:
        return Check(
            "clock", False, f"this machine's clock is {skew:+.0f} s off the store's", hint="set the clock right"
        )
    return Check("clock", True, "within a few minutes of the store's")


def _unfinished(client: Any, bucket: str, prefix: str) -> Check:
    try:
        found = client.list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", ())
    except Errors as error:
        hint = "give the key s3:ListBucketMultipartUploads, or let a lifecycle rule of the bucket end uploads after some days"
        return Check("unfinished uploads", None, failed("list them", error).message, hint=hint)
    return Check(
        "unfinished uploads", True, f"{len(found)} below here; the next run ends those that nobody will complete"
    )


def _lock(client: Any, bucket: str, name: str, options: S3Options) -> Check:
    """An object is locked for some seconds, and must be refused to whoever deletes it, until they are over."""
    until = datetime.now(UTC) + timedelta(seconds=_LOCK_SECONDS)
    which = {"Bucket": bucket, "Key": name}
    lock = {"ObjectLockMode": options.lock_mode.upper(), "ObjectLockRetainUntilDate": until}
    try:
        answer = client.put_object(**which, Body=b"", ContentMD5=content_md5(digest(b"")), **lock)
    except Errors as error:
        refused = failed("lock an object", error)
        hint = refused.hint or "lock_days needs a bucket with Object Lock, and the right s3:PutObjectRetention"
        return Check("lock", False, refused.message, hint=hint)
    if version := answer.get("VersionId"):
        which["VersionId"] = version
    kept = _kept(client, which, until)
    went_early = _goes(client, which)
    went = went_early or any(_goes_after(client, which, moment) for moment in (until, until + timedelta(seconds=3)))
    if went_early:
        hint = "the bucket was made without Object Lock: make a new one with it"
        return Check("lock", False, "a locked object could be deleted", hint=hint)
    if kept is False:
        return Check("lock", False, "the store does not keep the lock that it was given", hint="use another store")
    if not went:  # then it was no lock that refused
        hint = "give the key s3:DeleteObjectVersion and s3:GetObjectRetention, if only for this check"
        said = "the store says that it locks an object; " if kept else ""
        return Check(
            "lock", None, f"{said}whether one can be deleted cannot be tried, the key may not delete", hint=hint
        )
    return Check("lock", True, f"a locked object cannot be deleted, until its lock ends ({options.lock_mode})")


def _kept(client: Any, which: dict[str, str], until: datetime) -> bool | None:
    """Whether the store says that it holds the lock; None where it cannot be asked."""
    try:
        found = client.get_object_retention(**which).get("Retention", {}).get("RetainUntilDate")
    except Errors as error:
        return False if code_of(error) in _FORGOTTEN else None
    return found is not None and found > until - timedelta(seconds=2)


def _goes(client: Any, which: dict[str, str]) -> bool:
    try:
        client.delete_object(**which)
    except Errors:
        return False
    return True


def _goes_after(client: Any, which: dict[str, str], moment: datetime) -> bool:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds() + 1))
    return _goes(client, which)

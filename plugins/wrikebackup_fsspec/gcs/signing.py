"""Addresses that anybody can read an object by, for a while: signatures of version 4.

https://cloud.google.com/storage/docs/access-control/signed-urls describes the method, and what is signed.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from google.auth.exceptions import GoogleAuthError

from wrikebackup_core import KeyNotFound, SinkError, UsageError
from wrikebackup_fsspec.gcs.faults import Errors, failed
from wrikebackup_fsspec.gcs.place import Place

__all__ = ["demand_signer", "sign"]

_MOST_SECONDS = 7 * 24 * 3600
_METHOD = "GOOG4-RSA-SHA256"


def sign(place: Place, key: str, seconds: int) -> str:
    """Raises KeyNotFound, SinkError, UsageError."""
    if seconds > _MOST_SECONDS:
        raise UsageError(f"{place.name}: an address can be valid for {_MOST_SECONDS // 86400} days at most")
    signer = demand_signer(place)
    if place.find(key, "name") is None:
        raise KeyNotFound(f"{place.name}/{key} does not exist")
    now = datetime.now(UTC)
    stamp, scope = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}/auto/storage/goog4_request"
    host = urlsplit(place.wire.endpoint).netloc
    path = f"/{quote(place.bucket, safe='')}/{quote(key, safe='/~')}"
    query = "&".join(
        f"{name}={quote(value, safe='')}"
        for name, value in (
            ("X-Goog-Algorithm", _METHOD),
            ("X-Goog-Credential", f"{signer.signer_email}/{scope}"),
            ("X-Goog-Date", stamp),
            ("X-Goog-Expires", str(seconds)),
            ("X-Goog-SignedHeaders", "host"),
        )
    )
    asked = "\n".join(("GET", path, query, f"host:{host}\n", "host", "UNSIGNED-PAYLOAD"))
    text = "\n".join((_METHOD, stamp, scope, hashlib.sha256(asked.encode()).hexdigest()))
    try:
        signature: bytes = signer.sign_bytes(text.encode())
    except Errors as error:
        raise failed(f"sign an address of {place.name}", error) from error
    return f"{place.wire.endpoint}{path}?{query}&X-Goog-Signature={signature.hex()}"


def demand_signer(place: Place) -> Any:
    """google-auth's Signing. Raises SinkError where nobody can sign."""
    try:
        signer = place.wire.identity.signer()
    except GoogleAuthError as error:
        raise failed(f"sign an address of {place.name}", error) from error
    if signer is None:
        raise SinkError(
            f"{place.name}: these credentials cannot sign an address",
            hint="give a service account's key as `credentials`",
        )
    return signer

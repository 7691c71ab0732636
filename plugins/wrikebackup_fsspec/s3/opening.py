"""From a profile's options to a sink: credentials, clients, addresses."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import botocore.config
import botocore.session
import obstore.store
from botocore.credentials import Credentials

from wrikebackup_core import Context, Sink, SinkError
from wrikebackup_fsspec.objects.sink import ObjectSink
from wrikebackup_fsspec.options import S3Options
from wrikebackup_fsspec.s3.bucket import S3Bucket
from wrikebackup_fsspec.s3.descriptions import Descriptions
from wrikebackup_fsspec.s3.faults import Errors, failed
from wrikebackup_fsspec.s3.speaking import speak_plainly

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Credential

__all__ = ["open_sink"]

_CONNECTIONS = 128
_ATTEMPTS = 8  # of one request, the first included; with back-off up to 20 s
_WHOLE = 10  # times the timeout: for a request and its answer as a whole, many of which may share a slow line
_FRESH = timedelta(minutes=5)  # after which obstore asks for credentials anew
_BUNDLE = "AWS_CA_BUNDLE, or ca_bundle in the configuration of the AWS tools, names a file with certificates"
_DEFAULT_REGION = "us-east-1"  # what stores that know no regions expect


def open_sink(options: S3Options, context: Context) -> Sink:
    """Connects to nothing yet. Raises SecretError, SinkError."""
    endpoint = options.endpoint_url.rstrip("/") if options.endpoint_url else None
    place = f"{endpoint}/{options.bucket}" if endpoint else options.bucket
    name = f"s3:{place}"
    try:
        session = _session(options, context)
        credentials = session.get_credentials()
        region = options.region or session.get_config_variable("region") or _DEFAULT_REGION
        client = session.create_client("s3", region_name=region, endpoint_url=endpoint, config=_config(options))
        address = _address(client, options.bucket)
        roots = _roots(session) if address.startswith("https:") else {}
    except Errors as error:
        raise failed(f"use {name}", error) from error
    if credentials is None:
        raise SinkError(
            f"{name}: no credentials were found",
            hint="give access_key and secret_key, or set the AWS tools up (AWS_PROFILE, ~/.aws/credentials, an instance role)",
        )
    if type(credentials) is Credentials:  # those that are renewed come from a server
        _demand_sendable(credentials, name)
    speak_plainly(client, address)
    provider = _provider(credentials)
    # While a request is being sent nothing is read, so only one that reads can be told to hear from the store at short intervals.
    heard = timedelta(seconds=options.timeout)
    try:
        writing = _store(options, address, region, provider, roots)
        reading = _store(options, address, region, provider, {**roots, "read_timeout": heard})
    except Errors as error:
        raise failed(f"use {name}", error) from error
    return ObjectSink(S3Bucket(name, client, writing, reading, options), options.prefix)


def _demand_sendable(credentials: Credentials, name: str) -> None:
    """Ahead of obstore, which ends the thread where a header's value is none. Raises SinkError."""
    parts = {
        "access key": credentials.access_key,
        "secret key": credentials.secret_key,
        "session token": credentials.token,
    }
    for what, value in parts.items():
        if value and not (value.isascii() and value.isprintable()):
            hint = "see whether a line break stands behind it where it is kept"
            raise SinkError(f"{name}: the {what} holds a character that cannot be sent", hint=hint)


def _address(client: Any, bucket: str) -> str:
    """Where botocore finds the bucket: by the options, the environment, and the configuration of the AWS tools."""
    unsigned = ("choose-signer.s3.HeadBucket", lambda **_: botocore.UNSIGNED)
    client.meta.events.register(*unsigned)
    try:
        address: str = client.generate_presigned_url("head_bucket", Params={"Bucket": bucket})
    finally:
        client.meta.events.unregister(*unsigned)
    return address.partition("?")[0].rstrip("/")


def _roots(session: botocore.session.Session) -> ClientConfig:
    """Certificates of one's own, which botocore looks for in these places. obstore trusts the system's besides."""
    place = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    if not place:
        return {}
    try:
        roots = Path(place).read_bytes()
    except OSError as error:
        raise SinkError(f"the certificates in {place} cannot be read: {error.strerror}", hint=_BUNDLE) from error
    if b"-----BEGIN CERTIFICATE" not in roots:
        raise SinkError(f"there are no certificates in {place}", hint=_BUNDLE)
    return {"root_certificate": roots}


def _session(options: S3Options, context: Context) -> botocore.session.Session:
    session = botocore.session.Session(profile=options.aws_profile)
    session.get_component("data_loader").file_loader = Descriptions()
    if options.access_key is not None and options.secret_key is not None:
        token = context.secret(options.session_token) if options.session_token else None
        session.set_credentials(context.secret(options.access_key), context.secret(options.secret_key), token)
    return session


def _config(options: S3Options) -> botocore.config.Config:
    return botocore.config.Config(
        connect_timeout=min(options.timeout, 30.0),
        read_timeout=options.timeout,
        # Not the mode `standard`: there all threads share a quota of retries, which a short overload uses up.
        retries={"mode": "legacy", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=_CONNECTIONS,
        s3=None if options.path_style is None else {"addressing_style": "path" if options.path_style else "virtual"},
        # Checksums that stores other than Amazon's refuse are left out; ours are Content-MD5, which all of them compare.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        signature_version="s3v4",
    )


def _store(
    options: S3Options,
    address: str,
    region: str,
    provider: Callable[[], S3Credential],
    more: ClientConfig,
) -> obstore.store.S3Store:
    # This one wins over the environment. "Virtual-hosted" is its word for an address that holds the bucket already, wherever in it.
    config: S3Config = {"region": region, "aws_endpoint_url_s3": address, "virtual_hosted_style_request": True}
    if options.sse is not None:
        config["server_side_encryption"] = options.sse
    if options.sse_kms_key_id is not None:
        config["sse_kms_key_id"] = options.sse_kms_key_id
    seconds = timedelta(seconds=options.timeout)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of settings in the environment that it does not know
        return obstore.store.S3Store(
            options.bucket,
            config=config,
            client_options={
                "allow_http": address.startswith("http:"),
                "connect_timeout": min(seconds, timedelta(seconds=30)),
                "timeout": _WHOLE * seconds,
                **more,
            },
            retry_config={
                "max_retries": _ATTEMPTS - 1,
                "retry_timeout": max(4 * seconds, timedelta(minutes=3)),
                "backoff": {"init_backoff": timedelta(seconds=0.5), "max_backoff": timedelta(seconds=20), "base": 2},
            },
            credential_provider=provider,
        )


def _provider(credentials: Any) -> Callable[[], S3Credential]:
    """botocore finds credentials in a dozen places and renews those that run out: obstore is given what it finds."""

    def provide() -> S3Credential:
        frozen = credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _FRESH,
        }

    return provide

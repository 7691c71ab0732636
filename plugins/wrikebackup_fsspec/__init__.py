"""Sinks: a folder of this machine, S3, Google Cloud Storage, SFTP, and whatever else fsspec opens. Each kind is a package beside
this file.

This module only says what there is; what a kind needs is imported when a profile uses it.
"""

from __future__ import annotations

from wrikebackup_core import Context, Register, Sink, hookimpl
from wrikebackup_fsspec.options import GcsOptions, LocalOptions, S3Options, SftpOptions, UrlOptions

__all__ = ["GcsOptions", "LocalOptions", "S3Options", "SftpOptions", "UrlOptions"]


def _make_local(options: LocalOptions, _context: Context) -> Sink:
    from wrikebackup_fsspec.local.sink import LocalSink

    return LocalSink(options.path)


def _make_s3(options: S3Options, context: Context) -> Sink:
    from wrikebackup_fsspec.s3.opening import open_sink

    return open_sink(options, context)


def _make_gcs(options: GcsOptions, context: Context) -> Sink:
    from wrikebackup_fsspec.gcs.opening import open_sink

    return open_sink(options, context)


def _make_sftp(options: SftpOptions, context: Context) -> Sink:
    from wrikebackup_fsspec.sftp.opening import open_sink

    return open_sink(options, context)


def _make_url(options: UrlOptions, context: Context) -> Sink:
    from wrikebackup_fsspec.url.opening import open_sink

    return open_sink(options, context)


@hookimpl
def register_sinks(register: Register) -> None:
    register("local", options=LocalOptions, make=_make_local)
    register("s3", options=S3Options, make=_make_s3, extra="s3")
    register("gcs", options=GcsOptions, make=_make_gcs, extra="gcs")
    register("sftp", options=SftpOptions, make=_make_sftp, extra="sftp")
    register("url", options=UrlOptions, make=_make_url, extra="url")

"""From an address to a sink."""

from __future__ import annotations

from urllib.parse import urlsplit

from fsspec.core import url_to_fs

import fsspec
from wrikebackup_core import Context, Sink, UsageError, without_password
from wrikebackup_fsspec.objects.words import lowered
from wrikebackup_fsspec.options import UrlOptions
from wrikebackup_fsspec.url.faults import failed
from wrikebackup_fsspec.url.files import Files
from wrikebackup_fsspec.url.sink import UrlSink

__all__ = ["open_sink"]


def open_sink(options: UrlOptions, context: Context) -> Sink:
    """Raises SecretError, UsageError for an address of no known kind, SinkError."""
    if twice := sorted(options.options.keys() & options.secrets.keys()):
        raise UsageError(
            f"the sink {_shown(options.url)} has {', '.join(twice)} among its options and among its secrets"
        )
    protocol = options.url.partition("://")[0]
    storage = {**options.options, **{name: context.secret(reference) for name, reference in options.secrets.items()}}

    def connect() -> tuple[fsspec.AbstractFileSystem, str]:
        """Not a file system that another profile shares, and none that remembers an old listing."""
        file_system, root = url_to_fs(options.url, skip_instance_cache=True, **storage)
        file_system.dircache.use_listings_cache = (
            False  # not as an option: some hand all of theirs on to what knows no such one
        )
        return file_system, root

    try:
        file_system, root = connect()
    except ValueError as error:
        if "Protocol not known" in str(error):
            hint = "`python -c 'import fsspec; print(fsspec.available_protocols())'` lists what there is"
            raise UsageError(f"fsspec knows no addresses that begin with {protocol}://", hint=hint) from None
        if not _has_a_port(options.url):  # what was taken for one may be a password, and the error repeats it
            raise UsageError(f"{protocol}://…: this is no address of a store: look at its host and port") from None
        raise failed("open", _shown(options.url), error) from error
    except ImportError as error:
        hint = f"pip install {error.name}" if error.name else lowered(str(error))
        raise UsageError(f"fsspec needs another library for {protocol}://", hint=hint) from error
    except Exception as error:
        raise failed("open", _shown(options.url), error) from error
    return UrlSink(_shown(options.url), Files(file_system, lambda: connect()[0]), root.rstrip("/"))


def _has_a_port(url: str) -> bool:
    """A number, or none at all."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True


def _shown(url: str) -> str:
    return f"url:{without_password(url)}".rstrip("/")

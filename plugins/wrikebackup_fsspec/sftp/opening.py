"""From a profile's options to a sink."""

from __future__ import annotations

import getpass

from wrikebackup_core import Context, Sink, UsageError
from wrikebackup_fsspec.options import SftpOptions
from wrikebackup_fsspec.sftp.login import Login
from wrikebackup_fsspec.sftp.place import Place
from wrikebackup_fsspec.sftp.sink import SftpSink

__all__ = ["open_sink"]


def open_sink(options: SftpOptions, context: Context) -> Sink:
    """Connects to nothing yet. Raises SecretError, UsageError."""
    if "\0" in options.path:
        raise UsageError(f"the sink path {options.path!r} names no folder")
    user = options.user or _own_name()
    login = Login(
        host=options.host,
        port=options.port,
        user=user,
        known_hosts=options.known_hosts,
        key=options.key,
        agent=options.agent,
        timeout=options.timeout,
        key_passphrase=context.secret(options.key_passphrase) if options.key_passphrase else None,
        password=context.secret(options.password) if options.password else None,
    )
    return SftpSink(login, Place.of(user, options.host, options.port, options.path), options.connections)


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:  # a container's user may have no name
        raise UsageError("your own user has no name here", hint="give `user` in the profile's sftp sink") from error

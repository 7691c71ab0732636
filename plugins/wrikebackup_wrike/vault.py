"""Where the refresh token stays between runs: the system's keyring, or a file only its owner can read."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Protocol

import msgspec
import platformdirs

from wrikebackup_core import (
    SecretError,
    UsageError,
    expand_home,
    json_decoder,
    keep_secret,
    private_folder,
    read_keyring,
    write_keyring,
)
from wrikebackup_wrike.options import OAuthOptions, login_name

__all__ = ["FileVault", "Grant", "KeyringVault", "Vault", "vault_of"]

_SERVICE = "wrikebackup-wrike"
_LOGIN = "wrikebackup login"
_NO_DESKTOP = "use `store: file` on a machine without a desktop"


class Grant(msgspec.Struct, frozen=True):
    """What a login gave: the refresh token, which each use replaces, and the host of the account's data centre."""

    refresh_token: str
    host: str = ""

    def __repr__(self) -> str:
        return f"Grant(…, host={self.host!r})"


class Vault(Protocol):
    """One login's grant. `lock` is a file that a process holds while it replaces the grant."""

    @property
    def lock(self) -> Path: ...

    @property
    def place(self) -> str:
        """Where it is, for people."""

    def load(self) -> Grant:
        """Raises UsageError when there is none, or when others could have read it."""

    def save(self, grant: Grant) -> None:
        """The old grant or the new one, never half of one, also after a power cut. Raises SecretError."""


def vault_of(options: OAuthOptions, state: Path | None = None) -> Vault:
    """The vault that a profile names. `state` is where a keyring's lock file goes. Raises UsageError."""
    if options.path is not None:  # as with `store: file`, always
        return FileVault(expand_home(str(options.path)).absolute())
    folder = state or platformdirs.user_state_path("wrikebackup")
    return KeyringVault(options.client_id, folder / f"{login_name(options.client_id)}.lock")


def _decode(text: str | bytes, place: str) -> Grant:
    try:
        grant = json_decoder(Grant)(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise UsageError(f"the login stored in {place} cannot be read", hint=f"log in again: {_LOGIN}") from None
    keep_secret(grant.refresh_token)
    return grant


class FileVault:
    """A JSON file with mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = path.with_name(path.name + ".lock")
        self.place = f"the file {path}"

    def load(self) -> Grant:
        try:
            with self.path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read()
        except FileNotFoundError:
            raise UsageError(f"there is no login in {self.place}", hint=f"log in first: {_LOGIN}") from None
        except OSError as error:
            raise UsageError(f"the login in {self.place} cannot be read: {(error.strerror or '').lower()}") from None
        if sys.platform != "win32" and mode & 0o077:
            raise UsageError(
                f"others on this machine can read {self.place} (mode {mode:04o})",
                hint=f"log in again, which replaces the token, after: chmod 600 {self.path}",
            )
        return _decode(text, self.place)

    def save(self, grant: Grant) -> None:
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            private_folder(self.path.parent)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, opened with its mode
                if sys.platform != "win32":
                    os.fchmod(descriptor, 0o600)
                file.write(msgspec.json.encode(grant))
                file.flush()
                os.fsync(descriptor)
            temporary.replace(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise SecretError(f"the login cannot be stored in {self.place}: {(error.strerror or '').lower()}") from None


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class KeyringVault:
    """An entry of the system's keyring, under the app's client id."""

    def __init__(self, client_id: str, lock: Path) -> None:
        self._client_id = client_id
        self.lock = lock
        self.place = f"the keyring entry {_SERVICE}/{client_id}"

    def load(self) -> Grant:
        text = read_keyring(_SERVICE, self._client_id, otherwise=_NO_DESKTOP)
        if text is None:
            raise UsageError(f"there is no login in {self.place}", hint=f"log in first: {_LOGIN}")
        return _decode(text, self.place)

    def save(self, grant: Grant) -> None:
        write_keyring(_SERVICE, self._client_id, msgspec.json.encode(grant).decode(), otherwise=_NO_DESKTOP)

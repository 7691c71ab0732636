"""Secrets by reference: a profile says where a secret is, never what it is.

`env:NAME`, `file:PATH`, `credential:NAME` (of systemd), `keyring:SERVICE/USER` and `command:SHELL WORDS` are built in; plugins add
schemes through the hook `resolve_secret`. Of a text of several lines the first one counts, but of a key in JSON or PEM all of it.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Thread
from typing import IO, Annotated, Any, TypeVar

from pydantic import AfterValidator, Field

from wrikebackup_core.errors import MissingExtra, SecretError, UsageError
from wrikebackup_core.homes import expand_home, who_may_read

_T = TypeVar("_T")
_REFERENCE = re.compile(r"[a-z][a-z0-9+.-]*:.+", re.DOTALL)
_COMMAND_SECONDS = 60
_KEYRING_SECONDS = 60
_PIPE_SECONDS = 60
_CONTAINERS = (Path("/run/secrets"), Path("/var/run/secrets"))
_HOLDING_KEYS = (("{", "}"), ("-----BEGIN ", "-----"))
FORMS = "env:NAME, file:PATH, credential:NAME, keyring:SERVICE/USER or command:..."
"""The built-in kinds of references, for people."""


def _reference(value: str) -> str:
    if not _REFERENCE.fullmatch(value):
        # The value is not repeated: it may be the secret itself.
        raise ValueError(f"must be a reference such as {FORMS}, not the secret itself")
    return value


Secret = Annotated[
    str,
    AfterValidator(_reference),
    Field(
        description=f"a reference to a secret: {FORMS}",
        # Not as a constraint of pydantic's own: its message would be less of a help than ours.
        json_schema_extra={"secret": True, "pattern": f"^{_REFERENCE.pattern}"},
    ),
]
"""The type of a plugin option that refers to a secret; `Context.secret` resolves it."""


def resolve(reference: str) -> str | None:
    """The secret that a built-in reference names; None for a scheme that is not built in. Raises SecretError."""
    scheme, _, rest = reference.partition(":")
    resolver = {
        "env": _from_environment,
        "file": _from_file,
        "credential": _from_credential,
        "keyring": _from_keyring,
        "command": _from_command,
    }.get(scheme)
    if resolver is None:
        return None
    secret = resolver(rest)
    if not secret:
        raise SecretError(f"the secret {reference} is empty")
    return secret


def _from_environment(name: str) -> str:
    try:
        return os.environ[name].strip()
    except KeyError:
        raise SecretError(
            f"the environment variable {name} is not set", hint=f"export {name}=… before the run"
        ) from None


def _from_file(name: str) -> str:
    try:
        path = expand_home(name)
        return _read(path)
    except UsageError as error:
        if isinstance(error, SecretError):
            raise
        raise SecretError(f"cannot read the secret file {error.message}", hint=error.hint) from None
    except UnicodeDecodeError:
        raise SecretError(f"cannot read the secret file {name}: it is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        raise SecretError(f"cannot read the secret file {name}: {_why(error)}", hint=who_may_read(error)) from None


def _from_credential(name: str) -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise SecretError(
            f"there is no credential {name}: systemd has handed over none",
            hint=f"by hand: systemd-run --pipe --wait -p LoadCredential={name} and the command; in a unit: LoadCredential={name}",
        )
    if not name.strip() or "/" in name or "\\" in name or name in (".", ".."):
        raise SecretError(f"credential:{name} names no credential", hint="write the name that the unit gives it")
    try:
        return _read(Path(folder) / name)
    except FileNotFoundError:
        raise SecretError(
            f"systemd has handed over no credential {name}",
            hint=f"put it into /etc/credstore/{name}, or say in the unit where it is: LoadCredential={name}:/path/of/the/file",
        ) from None
    except UnicodeDecodeError:
        raise SecretError(f"cannot read the credential {name}: it is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        raise SecretError(f"cannot read the credential {name}: {_why(error)}", hint=who_may_read(error)) from None


def _why(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or "it names no file").lower()


def _read(path: Path) -> str:
    """Raises SecretError for a file that others can read, OSError, ValueError."""

    def read() -> str:
        # Windows editors put a byte order mark ahead, which is no part of the secret.
        with path.open(encoding="utf-8-sig") as file:
            _refuse_what_others_read(path, file)
            return _secret_in(file.read())

    try:
        return read() if path.is_file() else _in_time(read, _PIPE_SECONDS)
    except _Waiting:
        raise SecretError(
            f"cannot read the secret file {path}: nothing comes out of it within {_PIPE_SECONDS:.0f} s",
            hint="it is no plain file but a pipe: see whether something writes into it",
        ) from None


def _secret_in(text: str) -> str:
    """The first line, since password stores keep notes below it; of a key in JSON or PEM, the whole."""
    whole = text.strip()
    if any(whole.startswith(begin) and whole.endswith(end) for begin, end in _HOLDING_KEYS):
        return whole
    return text.splitlines()[0].strip() if text else ""


def _refuse_what_others_read(path: Path, file: IO[str]) -> None:
    """Of files of our own, as ssh does: nobody else may read or write them. Of others' files, such as root's: the group may.

    They may be as open as they like where nobody else gets to them: below a folder that is shut to others, or inside of a container,
    whose secrets anybody in it may read unless told otherwise.
    """
    found = os.fstat(file.fileno())
    if sys.platform == "win32" or not stat.S_ISREG(found.st_mode):
        return
    own = found.st_uid == os.geteuid()
    if not found.st_mode & (0o066 if own else 0o006) or _of_container(path):
        return
    enter = 0o011 if own else 0o001
    if any(_shut(folder, enter) for folder in path.resolve().parents):
        return
    raise SecretError(
        f"others on this machine can read or change the secret file {path} (mode {stat.S_IMODE(found.st_mode):04o})",
        hint=f"chmod 600 {path}" if own else f"its owner has to chmod o= {path}",
    )


def _shut(folder: Path, enter: int) -> bool:
    found = folder.stat()
    return found.st_uid in (0, os.geteuid()) and not found.st_mode & enter


def _of_container(path: Path) -> bool:
    """Where Docker, Podman and Compose put secrets, and what Kubernetes mounts: a folder whose content it exchanges by one link."""
    path = path.absolute()
    return any(folder in path.parents for folder in _CONTAINERS) or (path.parent / "..data").is_symlink()


def _from_keyring(entry: str) -> str:
    service, user = keyring_entry(entry)
    found = read_keyring(service, user, otherwise="use env:, file: or command: on a machine without a desktop")
    if found is None:
        raise SecretError(f"the keyring has no password for {entry}", hint=f"keyring set {service} {user}")
    return found


def keyring_entry(entry: str) -> tuple[str, str]:
    """Service and user of `SERVICE/USER`. Raises SecretError for what names none."""
    service, _, user = entry.rpartition("/")
    if not service or not user:
        raise SecretError(f"keyring:{entry} names no password", hint="write keyring:SERVICE/USER")
    return service, user


def read_keyring(service: str, user: str, *, otherwise: str) -> str | None:
    """What the system's keyring holds there; None for nothing. `otherwise` is the hint where there is no keyring to be had.

    Raises MissingExtra, and SecretError for a keyring that does not answer within a minute.
    """
    entry = f"{service}/{user}"
    keyring = _keyring(entry)
    found: str | None = _answer(lambda: keyring.get_password(service, user), f"does not answer for {entry}", otherwise)
    return found


def write_keyring(service: str, user: str, secret: str, *, otherwise: str) -> None:
    """Puts a secret into the system's keyring. Raises as `read_keyring` does; one that was locked may then take it later."""
    entry = f"{service}/{user}"
    keyring = _keyring(entry)
    _answer(lambda: keyring.set_password(service, user, secret), f"does not take {entry}", otherwise)


def _keyring(entry: str) -> Any:
    try:
        import keyring
    except ImportError:
        raise MissingExtra(f"the keyring entry {entry}", "keyring") from None
    return keyring


def _answer(ask: Callable[[], _T], does_not: str, otherwise: str) -> _T:
    """What a keyring says in time: it may wait for somebody at a desktop who gives its password. Raises SecretError."""
    try:
        return _in_time(ask, _KEYRING_SECONDS)
    except _Waiting:
        raise SecretError(
            f"the keyring {does_not} within {_KEYRING_SECONDS:.0f} s",
            hint="it may be locked: unlock it, or see whether a window asks for its password",
        ) from None
    except Exception as error:  # noqa: BLE001 - backends are strangers, and raise what their systems raise
        raise SecretError(f"the keyring {does_not}: {type(error).__name__}", hint=otherwise) from None


class _Waiting(Exception):
    """It did not answer in time."""


def _in_time(ask: Callable[[], _T], seconds: float) -> _T:
    """What waits for somebody else cannot be stopped, so that it is left alone in its thread. Raises _Waiting, and what `ask` raises."""
    future: Future[_T] = Future()

    def answer() -> None:
        try:
            future.set_result(ask())
        except Exception as error:  # noqa: BLE001 - raised again for whoever asked
            future.set_exception(error)

    Thread(target=answer, name="secret", daemon=True).start()
    if not wait([future], seconds).done:
        raise _Waiting
    return future.result()


def _from_command(line: str) -> str:
    try:
        # Windows programs take their command line whole, and its backslashes are no escapes.
        words = line if sys.platform == "win32" else shlex.split(line)
        code, said = _output(words)
    except subprocess.TimeoutExpired:
        raise SecretError(
            f"the secret command `{line}` does not end within {_COMMAND_SECONDS:.0f} s",
            hint="see whether it waits for somebody to answer",
        ) from None
    except (OSError, ValueError, IndexError) as error:
        raise SecretError(f"the secret command `{line}` cannot be run: {type(error).__name__}") from None
    if code != 0:
        # Neither stdout nor stderr is repeated: both may hold the secret.
        raise SecretError(f"the secret command `{line}` ended with exit code {code}")
    return _secret_in(said.strip())


def _output(words: str | list[str]) -> tuple[int, str]:
    """How a program ends, and what it prints. Raises OSError, ValueError, TimeoutExpired.

    Its stdin is ours: it may ask for a passphrase.
    """
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            said, _ = program.communicate(timeout=_COMMAND_SECONDS)
        except BaseException:
            program.kill()  # what it has started may live on and hold the pipe: nobody waits for that
            raise
    return program.returncode, said
